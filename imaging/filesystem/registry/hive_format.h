#pragma once
// What writer and reader of hives agree on. Source: M. Suhanov, "Windows registry file format specification".

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "imaging/core/little_endian.h"
#include "imaging/filesystem/registry/upcase.h"

namespace flashline::imaging::hive {

/// Base block, and the unit of hive bins. Cell offsets count from the end of the base block.
inline constexpr std::size_t block_size = 4096;
inline constexpr std::size_t bin_header_size = 32;
inline constexpr std::size_t cell_header_size = 4;
inline constexpr std::uint32_t no_cell = 0xFFFFFFFF;

inline constexpr std::uint32_t major_version = 1, minor_version = 5;
/// Before this minor version values of any size lie in one cell.
inline constexpr std::uint32_t big_data_since = 4;
/// The bytes of one segment of a `db` record, and the largest value that needs none.
inline constexpr std::size_t segment_size = 16344;
inline constexpr std::size_t max_segments = 0xFFFF;
/// What follows a full segment in its cell. libhivex takes it for granted, so every segment has it.
inline constexpr std::size_t segment_footer = 4;
/// As Windows does: a list of hashes fills one bin at most, more of them hang below an index.
inline constexpr std::size_t max_hash_leaf = 507;

/// Fixed parts of records, in bytes, without the cell's size.
inline constexpr std::size_t key_size = 76, value_size = 20, security_size = 20, list_header_size = 4;

namespace key_flag {
inline constexpr std::uint16_t hive_entry = 0x04, no_delete = 0x08, symbolic_link = 0x10, latin1_name = 0x20;
}
inline constexpr std::uint16_t latin1_value_name = 1;
/// In a value's size: the data lies in the place of its offset.
inline constexpr std::uint32_t data_inline = 0x80000000;

/// XOR of the words before it; two results are reserved.
inline std::uint32_t checksum(std::span<const std::byte> base_block) {
  std::uint32_t sum = 0;
  for (std::size_t at = 0; at < 508; at += 4) sum ^= load32(base_block.subspan(at));
  if (sum == 0) return 1;
  return sum == 0xFFFFFFFF ? 0xFFFFFFFE : sum;
}

/// The hash of `lh` lists.
inline std::uint32_t name_hash(std::u16string_view name) {
  std::uint32_t hash = 0;
  for (const char16_t unit : name) hash = hash * 37 + upcased(unit);
  return hash;
}

}  // namespace flashline::imaging::hive
