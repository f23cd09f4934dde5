#pragma once
// What stands before the write descriptors of a store.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "imaging/core/error.h"
#include "imaging/ffu/verified_reader.h"

namespace flashline::imaging::ffu {

/// Kinds of store header, by their version quadruple.
enum class StoreFormat : std::uint8_t {
  v1,   ///< 1.0 / 2.0: one store
  v2,   ///< 2.0 / 2.0: several stores, each with a device path
  v1c,  ///< 1.0 / 3.0: compressed; not documented by its maker
};

/// Numbers of LZ algorithms in a V1C store header.
enum class Compression : std::uint32_t { none = 0, lznt1 = 2, xpress = 3, xpress_huffman = 4 };

/// Payload blocks of a partition table. `count` 0: there is none, whatever `first` says.
struct TableRange {
  std::uint32_t first = 0;
  std::uint32_t count = 0;
  std::uint64_t end() const { return std::uint64_t{first} + count; }
  bool contains(std::uint64_t block) const { return block >= first && block < end(); }
};

/// Source: "FFU image format", Microsoft Learn; ffu-format.md section 2.5. Sizes in bytes.
struct StoreHeader {
  StoreFormat format = StoreFormat::v1;
  bool partial_update = false;
  std::vector<std::string> platform_ids;
  std::uint32_t block_size = 0;
  std::uint32_t write_count = 0;
  std::uint32_t write_length = 0;
  std::uint32_t validation_count = 0;
  std::uint32_t validation_length = 0;
  TableRange initial;
  TableRange flash_only;
  TableRange final;

  std::uint16_t store_count = 1;   ///< V2
  std::uint16_t store_index = 1;   ///< V2: from 1
  std::uint64_t payload_size = 0;  ///< V2
  std::string device_path;         ///< V2, UTF-8

  Compression compression = Compression::none;  ///< V1C
};

/// Errors: ffu_store_version, ffu_update_type, ffu_platform_id, ffu_block_size, ffu_chunk_block, ffu_store_count,
/// ffu_device_path, ffu_compression, ffu_entry_count, ffu_entry_length, ffu_validation, ffu_table_range, and those of
/// VerifiedReader. `chunk_size` in bytes: blocks of another size are refused (ffu-format.md section 10, question 1).
Result<StoreHeader> read_store_header(VerifiedReader& in, std::uint32_t chunk_size);

/// V1 and V2 only. `device_path` is printable ASCII.
std::vector<std::byte> build_store_header(const StoreHeader& header);

/// Longest list of platform ids, terminators included, that fits and leaves a spare NUL.
inline constexpr std::size_t max_platform_ids_size = 191;

}  // namespace flashline::imaging::ffu
