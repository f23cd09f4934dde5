#pragma once
// The first 32 bytes of a full flash update image.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "imaging/core/error.h"
#include "imaging/core/units.h"

namespace flashline::imaging::ffu {

/// Source: "FFU image format", Microsoft Learn; ffu-format.md section 2.1. Sizes in bytes.
struct SecurityHeader {
  static constexpr std::size_t length = 32;

  std::uint32_t chunk_size = 0;  ///< unit of the hash table
  std::uint32_t catalog_size = 0;
  std::uint32_t hash_table_size = 0;

  /// Where the image header begins and the hash table's coverage starts.
  ByteOffset image_offset() const;
};

/// Errors: truncated, ffu_security_signature, ffu_security_size, ffu_chunk_size, ffu_hash_algorithm, catalog_size,
/// ffu_hash_table_size.
Result<SecurityHeader> parse_security_header(std::span<const std::byte> bytes);

/// The 32 bytes of `header`, with SHA-256 as the algorithm.
std::vector<std::byte> build_security_header(const SecurityHeader& header);

/// True when `bytes` begin like a full flash update image. At least 16 bytes are needed to tell.
bool looks_like_ffu(std::span<const std::byte> bytes);

}  // namespace flashline::imaging::ffu
