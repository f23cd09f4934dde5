#pragma once
// Block maps of bmap-tools: which blocks of an image hold data, and their checksums. Format versions 1.0 to 2.0.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "imaging/source/block_plan.h"
#include "imaging/source/content.h"

namespace flashline::imaging {

struct BmapRange {
  std::uint64_t first = 0;          ///< block
  std::uint64_t last = 0;           ///< block, inclusive
  std::vector<std::byte> checksum;  ///< empty: the map gives none
};

struct Bmap {
  ByteCount image_size;
  std::uint32_t block_size = 4096;  ///< bytes
  std::string algorithm;            ///< "sha1", "sha256", ... as OpenSSL names it; empty: no checksums
  std::vector<BmapRange> ranges;    ///< ascending, without overlap

  /// Bytes of a range; the image's last block may be shorter than the others.
  Extent extent(const BmapRange& range) const;
  /// All ranges, neighbours joined.
  std::vector<Extent> extents() const;
};

bool looks_like_bmap(std::span<const std::byte> start);

/// Parses a block map and checks its own checksum and its block counts. Errors: bmap_syntax, bmap_checksum.
Result<Bmap> parse_bmap(std::span<const std::byte> text);
/// Errors: image_open, image_read, bmap_syntax, bmap_checksum.
Result<Bmap> read_bmap(const std::filesystem::path& path);

/// Reads the mapped blocks of the raw image in `fd` once, checks them against the map, and pins what was read: the
/// table's digests cover every unit that holds a mapped block (others stay zero, nobody reads them).
/// Errors: bmap_mismatch, truncated, image_read.
Result<HashTable> check_by_bmap(const Bmap& map, int fd, ByteCount size);

/// `inner` with every mapped range checked as it goes by. Errors while it is read: bmap_mismatch.
std::unique_ptr<ByteStream> checked_by_bmap(std::unique_ptr<ByteStream> inner, Bmap map);

}  // namespace flashline::imaging
