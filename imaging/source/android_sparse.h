#pragma once
// Android sparse images. Source: AOSP system/core/libsparse, sparse_format.h (version 1.0).

#include <cstdint>
#include <memory>
#include <span>

#include "imaging/source/content.h"
#include "imaging/source/raw_image.h"

namespace flashline::imaging {

struct SparseHeader {
  static constexpr std::size_t length = 28;

  std::uint16_t file_header_size = length;
  std::uint16_t chunk_header_size = 12;
  std::uint32_t block_size = 4096;
  std::uint32_t blocks = 0;  ///< of the expanded image
  std::uint32_t chunks = 0;
  std::uint32_t checksum = 0;  ///< CRC-32 of the expanded image, holes as zeros; 0: not given

  ByteCount image_size() const { return ByteCount{std::uint64_t{blocks} * block_size}; }
};

bool looks_like_sparse(std::span<const std::byte> start);

/// The header at the start of `bytes`. Block sizes are multiples of 512. Errors: truncated, sparse_header.
Result<SparseHeader> parse_sparse_header(std::span<const std::byte> bytes);

/// The plan of the sparse image in `fd`, whose file of `size` bytes is the content. Fills of zero become zeros, others
/// blobs. Checksums are verified when present, which reads the whole file.
/// Errors: truncated, trailing_data, sparse_header, sparse_chunk, sparse_checksum, too_large, and those of
/// read_partition_table.
Result<PlannedDisk> plan_sparse(int fd, ByteCount size);

/// The raw image that the sparse one in `inner` describes, holes as zeros.
/// Errors, here and while it is read: those of plan_sparse.
struct ExpandedSparse {
  std::unique_ptr<ByteStream> stream;
  ByteCount size;
};
Result<ExpandedSparse> expand_sparse(std::unique_ptr<ByteStream> inner);

namespace detail {

struct SparseChunk {
  enum class Kind : std::uint16_t { raw = 0xCAC1, fill = 0xCAC2, dont_care = 0xCAC3, crc32 = 0xCAC4 };
  Kind kind = Kind::raw;
  std::uint32_t blocks = 0;
  std::uint64_t data = 0;  ///< bytes that follow the chunk's header
};

/// The chunk header at the start of `bytes`, checked against `header`. Errors: truncated, sparse_chunk.
Result<SparseChunk> parse_sparse_chunk(const SparseHeader& header, std::span<const std::byte> bytes, ByteOffset at);

}  // namespace detail
}  // namespace flashline::imaging
