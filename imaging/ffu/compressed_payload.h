#pragma once
// The payload of a compressed image, as the blocks that its descriptors count.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "imaging/core/error.h"
#include "imaging/core/units.h"
#include "imaging/ffu/store_header.h"
#include "imaging/ffu/store_plan.h"
#include "imaging/source/block_plan.h"
#include "imaging/source/content.h"

namespace flashline::imaging::ffu {

/// Offsets count decompressed bytes. Each block is compared with its digest, which covers it as decompressed, before a
/// byte of it leaves. Holds one entry.
class CompressedPayload final : public ByteStream {
 public:
  /// `start` is where the first entry's data lies in `file`; `digests` cover the blocks from content offset 0 on.
  CompressedPayload(FileHandle file, ByteOffset start, const StoreHeader& header,
                    std::vector<StoreLayout::Stored> stored, HashTable digests);

  /// Errors: image_read, truncated, ffu_decompress, chunk_hash.
  Result<std::size_t> read(std::span<std::byte> out) override;
  /// Fills all of `out` from `at` on, wherever the stream stands. Errors: those of read().
  Status read_at(ByteOffset at, std::span<std::byte> out);
  /// Decompressed bytes in all.
  ByteCount size() const { return ByteCount{plain_end_}; }
  /// Begins anew.
  void rewind() { position_ = 0; }
  /// The image's file; it stays this object's.
  int file() const { return file_.get(); }

 private:
  struct Entry {
    std::uint64_t plain_at;
    std::uint64_t stored_at;
    std::uint32_t stored_size;
  };
  std::uint64_t plain_size(std::size_t entry) const;
  Status load(std::size_t entry);
  Status check(std::size_t entry) const;

  FileHandle file_;
  Compression compression_;
  HashTable digests_;
  std::vector<Entry> entries_;
  std::uint64_t plain_end_ = 0;
  std::uint64_t position_ = 0;
  std::optional<std::size_t> loaded_;
  std::vector<std::byte> stored_;
  std::vector<std::byte> plain_;
};

}  // namespace flashline::imaging::ffu
