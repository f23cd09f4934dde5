#pragma once
// The way out: full flash update images (FFU), V1 and V2, kept to what every known reader understands
// (ffu-format.md section 9): one block and one location per descriptor, chunks as large as blocks, SHA-1 catalog
// member, no metadata region that ends on or near a border, exact file size.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "imaging/core/digest.h"
#include "imaging/core/error.h"
#include "imaging/core/units.h"
#include "imaging/ffu/manifest.h"
#include "imaging/source/block_plan.h"

namespace flashline::imaging {

enum class FfuVersion : std::uint8_t { v1, v2 };

/// One block of a store, where it goes.
struct FfuBlock {
  Place::Anchor anchor = Place::Anchor::begin;
  std::uint32_t index = 0;  ///< begin: counted from 0 at the target's beginning; end: 0 is its last block
  bool zeros = false;       ///< all zeros: nobody is asked for its bytes
  bool flash_only = false;  ///< with the table of only those partitions that are required to flash
  bool operator==(const FfuBlock&) const = default;
};

struct FfuPhase {
  Phase::Kind kind = Phase::Kind::data;
  std::vector<FfuBlock> blocks;
};

/// Fills `out`, one whole block, with the bytes of `block`. Called once for each block that is not all zeros, in the
/// order of the phases; the first block of a store may be asked for several times in a row.
using FillBlock = std::function<Status(const FfuBlock& block, std::span<std::byte> out)>;

struct FfuStore {
  /// Device path, sector size, smallest target, partitions. MinSectorCount is needed; it times the sector size must be
  /// a multiple of the block size, unless the final table has a block counted from the end.
  ManifestStore description;
  std::vector<FfuPhase> phases;  ///< in the order of Phase::Kind, each kind at most once; empty ones are left out
  FillBlock fill;
};

struct FfuContent {
  FfuVersion version = FfuVersion::v1;
  std::uint32_t block_size = 128_KiB;  ///< of the chunks, too; anything else is for tests
  /// Description, platform ids and versions; its stores are those of `stores`.
  Manifest manifest;
  std::vector<FfuStore> stores;  ///< V1: one, without a device path
};

/// The catalog over `hash_table`. Called twice: once over a table of the right size but other content, which tells how
/// long the catalog will be, then over the real one.
using MakeCatalog = std::function<Result<std::vector<std::byte>>(std::span<const std::byte> hash_table)>;

/// Bytes of payload written so far, and how many there will be.
using WriteProgress = std::function<void(ByteCount done, ByteCount total)>;

struct WrittenFfu {
  ByteCount file_size;
  Sha256 table_digest{};  ///< SHA-256 of the hash table, which names the image in records
};

/// Writes `content` to `path`: first beside it, then, complete and synced, in its place; a failure leaves nothing
/// behind. The same inputs give the same bytes. Errors: ffu_unwritable, image_write, and those of the callbacks.
Result<WrittenFfu> write_ffu(const std::filesystem::path& path, const FfuContent& content, const MakeCatalog& catalog,
                             const WriteProgress& progress = {});

/// Writes the image at `from` to `to`, which may be the same path, with another catalog. The old catalog is not looked
/// at; every chunk is compared with the hash table on the way, so that nobody signs a damaged image. Works for
/// compressed images too, whose payload can only be copied. Errors: those of read_metadata and write_ffu, chunk_hash.
Result<WrittenFfu> replace_catalog(const std::filesystem::path& from, const std::filesystem::path& to,
                                   const MakeCatalog& catalog, const WriteProgress& progress = {});

}  // namespace flashline::imaging
