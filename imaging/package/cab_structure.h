#pragma once
// The tables of a cabinet file. Source: [MS-CAB] Cabinet File Format.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "imaging/core/block_view.h"
#include "imaging/core/error.h"

namespace flashline::imaging::cab {

/// How the data of a folder are packed, as the format numbers it.
inline constexpr std::uint16_t stored = 0, mszip = 1, lzx = 3, method_mask = 0xF;
/// Bytes that a block unpacks to, the last of a folder aside.
inline constexpr std::uint32_t block_size = 32768;
/// Blocks are counted in 16 bits.
inline constexpr std::uint64_t max_folder_size = std::uint64_t{65535} * block_size;
/// Larger offsets are negative numbers to Windows' own reader.
inline constexpr std::uint64_t max_cab_size = 0x7FFFFFFF;
/// Bytes of a member's name.
inline constexpr std::size_t max_name_size = 255;
/// File attribute that says: the name is UTF-8.
inline constexpr std::uint16_t name_is_utf8 = 0x80;

/// Members that are packed as one run of bytes.
struct Folder {
  std::uint32_t first_block = 0;  ///< where its blocks begin, from the start of the file
  std::uint16_t blocks = 0;
  std::uint16_t packing = stored;  ///< method, and its parameter in the high byte
};

struct Entry {
  std::string name;  ///< as it stands there
  std::uint32_t size = 0;
  std::uint32_t offset = 0;  ///< in the unpacked folder
  std::uint16_t folder = 0;
  std::uint16_t date = 0, time = 0;  ///< as MS-DOS writes them
  std::uint16_t attributes = 0;
};

struct Structure {
  std::uint32_t size = 0;          ///< of the cabinet, its signature aside
  std::vector<std::byte> reserve;  ///< reserved header area: where a signature is; empty: there is none
  std::vector<Folder> folders;
  std::vector<Entry> entries;
};

/// Everything before the first block.
std::vector<std::byte> header_of(const Structure& structure);
/// Its length, which depends on numbers and names only.
std::size_t header_size(const Structure& structure);

/// Reads the tables alone. Errors: cab_damaged, cab_set, image_read.
Result<Structure> read_structure(BlockView& view);

/// The checksum that a block of these bytes carries, its two sizes included.
std::uint32_t block_checksum(std::span<const std::byte> packed, std::uint16_t unpacked_size);

/// Every byte of the file has the one value it can have, as far as it can be said without unpacking: tables that are
/// what `header_of` writes, members without gaps, blocks without gaps and with their checksums, no byte between or
/// behind them but a signature. Times and attributes, which nothing else vouches for, must be the same for all members
/// of an unsigned cabinet. Errors: those of read_structure, cab_structure.
Status check_structure(BlockView& view);

}  // namespace flashline::imaging::cab
