#pragma once
// GUID partition tables: read, checked and rebuilt. Source: UEFI specification 2.10, chapter 5.3.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "imaging/core/block_view.h"
#include "imaging/core/error.h"

namespace flashline::imaging {

using Guid = std::array<std::byte, 16>;

/// "C12A7328-F81F-11D2-BA4B-00A0C93EC93B": the first three groups are little-endian on disk.
std::string to_text(const Guid& guid);
/// The GUID of such a text, in any case, with or without braces; nullopt when it is none.
std::optional<Guid> guid_of(std::string_view text);

/// The fields of a GPT header. LBAs count sectors.
struct GptHeader {
  std::uint32_t revision = 0x00010000;
  std::uint32_t size = 92;  ///< bytes that the CRC covers
  std::uint64_t my_lba = 1;
  std::uint64_t alternate_lba = 0;
  std::uint64_t first_usable = 0;
  std::uint64_t last_usable = 0;
  Guid disk{};
  std::uint64_t entries_lba = 2;
  std::uint32_t entry_count = 128;
  std::uint32_t entry_size = 128;
  std::uint32_t entries_crc = 0;

  std::uint64_t entries_bytes() const { return std::uint64_t{entry_count} * entry_size; }
  bool operator==(const GptHeader&) const = default;
};

/// A used entry.
struct GptEntry {
  Guid type{};
  Guid id{};
  std::uint64_t first = 0;  ///< LBA
  std::uint64_t last = 0;   ///< LBA, inclusive
  std::uint64_t attributes = 0;
  std::string name;          ///< UTF-8
  std::uint32_t number = 0;  ///< place in the table, from 1
};

struct GptTable {
  GptHeader header;
  std::vector<std::byte> header_sector;  ///< as it lies on the disk
  std::vector<std::byte> entry_bytes;    ///< the whole array
  std::vector<GptEntry> entries;         ///< used ones, in table order
};

/// True when `sector` begins with the GPT signature.
bool looks_like_gpt(std::span<const std::byte> sector);

/// Reads and checks the table whose header is at `lba`: signature, sizes, both CRCs, own position, entries inside of
/// the usable area. Errors: gpt_damaged, with what is wrong; image_read.
Result<GptTable> read_gpt(BlockView& disk, std::uint64_t lba, std::uint32_t sector_size);

/// `header_sector` with the fields of `header` put in and its CRC made new. Bytes that the fields do not cover stay.
std::vector<std::byte> gpt_header_sector(std::span<const std::byte> header_sector, const GptHeader& header);

}  // namespace flashline::imaging
