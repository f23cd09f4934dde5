#include "imaging/source/gpt.h"

#include <algorithm>
#include <charconv>
#include <spdlog/fmt/fmt.h>
#include <string_view>

#include "imaging/core/byte_reader.h"
#include "imaging/core/crc32.h"
#include "imaging/core/errors/image.h"
#include "imaging/core/unicode.h"

namespace flashline::imaging {
namespace {

constexpr std::string_view signature = "EFI PART";
constexpr std::uint32_t header_fields = 92;
constexpr std::size_t crc_offset = 16;
/// Where on disk the bytes lie that the text of a GUID names one after the other.
constexpr std::array<std::size_t, 16> text_order{3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};
/// Real tables have 128 entries, some boards 256; the bound only keeps a field from deciding how much memory is used.
constexpr std::uint64_t max_entries_bytes = 4_MiB;

std::unexpected<Error> damaged(std::uint64_t lba, std::string_view what) {
  return fail(errc::gpt_damaged, fmt::format("the GPT at LBA {}: {}", lba, what));
}

Result<Guid> take_guid(ByteReader& in, const char* field) {
  FL_TRY(const auto bytes, in.take(16, field));
  Guid guid;
  std::ranges::copy(bytes, guid.begin());
  return guid;
}

/// Fields after the signature. `crc` gets the header's own CRC.
Result<GptHeader> take_header(ByteReader& in, std::uint32_t& crc) {
  GptHeader header;
  FL_TRY(header.revision, in.u32("GPT revision"));
  FL_TRY(header.size, in.u32("GPT header size"));
  FL_TRY(crc, in.u32("GPT header CRC"));
  FL_CHECK(in.u32("GPT reserved"));
  FL_TRY(header.my_lba, in.u64("GPT MyLBA"));
  FL_TRY(header.alternate_lba, in.u64("GPT AlternateLBA"));
  FL_TRY(header.first_usable, in.u64("GPT FirstUsableLBA"));
  FL_TRY(header.last_usable, in.u64("GPT LastUsableLBA"));
  FL_TRY(header.disk, take_guid(in, "GPT DiskGUID"));
  FL_TRY(header.entries_lba, in.u64("GPT PartitionEntryLBA"));
  FL_TRY(header.entry_count, in.u32("GPT NumberOfPartitionEntries"));
  FL_TRY(header.entry_size, in.u32("GPT SizeOfPartitionEntry"));
  FL_TRY(header.entries_crc, in.u32("GPT PartitionEntryArrayCRC32"));
  return header;
}

std::uint32_t header_crc(std::span<const std::byte> covered) {
  constexpr std::array<std::byte, 4> blank{};
  auto sum = crc32(covered.first(crc_offset));
  sum = crc32(blank, sum);
  return crc32(covered.subspan(crc_offset + blank.size()), sum);
}

Status check_header(const GptHeader& header, std::uint64_t lba, std::uint64_t sectors, std::uint32_t sector_size) {
  if (header.my_lba != lba) return damaged(lba, fmt::format("its header says it belongs to LBA {}", header.my_lba));
  if (header.entry_size < 128 || header.entry_size % 128 != 0) {
    return damaged(lba, fmt::format("entries of {} bytes", header.entry_size));
  }
  if (header.entries_bytes() > max_entries_bytes) {
    return damaged(lba, fmt::format("{} entries of {} bytes are too many", header.entry_count, header.entry_size));
  }
  const std::uint64_t entries_end = header.entries_lba + (header.entries_bytes() + sector_size - 1) / sector_size;
  if (header.entries_lba < 2 || (header.entries_lba <= lba && lba < entries_end)) {
    return damaged(lba, fmt::format("its entries at LBA {} lie over a header", header.entries_lba));
  }
  if (header.entries_lba >= sectors) {
    return damaged(lba, fmt::format("its entries would start at LBA {}, past the end", header.entries_lba));
  }
  if (header.first_usable > header.last_usable || header.last_usable == ~std::uint64_t{0}) {
    return damaged(lba, fmt::format("usable LBAs {} to {}", header.first_usable, header.last_usable));
  }
  return {};
}

/// UTF-16LE up to the first NUL, without control characters: names end up on terminals and pages.
Result<std::string> take_name(ByteReader& in) {
  std::u16string name;
  for (int i = 0; i < 36; ++i) {
    FL_TRY(const char16_t unit, in.u16("GPT partition name"));
    if (unit == 0) break;
    name += unit < 0x20 || unit == 0x7F ? u'\uFFFD' : unit;
  }
  return utf8_of(name);
}

Result<GptEntry> take_entry(std::span<const std::byte> bytes) {
  ByteReader in{bytes};
  GptEntry entry;
  FL_TRY(entry.type, take_guid(in, "GPT partition type"));
  FL_TRY(entry.id, take_guid(in, "GPT partition id"));
  FL_TRY(entry.first, in.u64("GPT StartingLBA"));
  FL_TRY(entry.last, in.u64("GPT EndingLBA"));
  FL_TRY(entry.attributes, in.u64("GPT attributes"));
  FL_TRY(entry.name, take_name(in));
  return entry;
}

Status take_entries(GptTable& table, std::uint64_t lba) {
  const auto& header = table.header;
  for (std::size_t i = 0; i < header.entry_count; ++i) {
    const auto bytes = std::span<const std::byte>{table.entry_bytes}.subspan(i * header.entry_size, header.entry_size);
    if (std::ranges::all_of(bytes.first(16), [](std::byte b) { return b == std::byte{}; })) continue;
    FL_TRY(auto entry, take_entry(bytes));
    if (entry.first > entry.last || entry.first < header.first_usable || entry.last > header.last_usable) {
      return damaged(lba, fmt::format("partition {} (LBA {} to {}) lies outside of the usable LBAs {} to {}", i + 1,
                                      entry.first, entry.last, header.first_usable, header.last_usable));
    }
    entry.number = static_cast<std::uint32_t>(i + 1);
    table.entries.push_back(std::move(entry));
  }
  return {};
}

void put(std::span<std::byte> sector, std::size_t at, std::uint64_t value, std::size_t width) {
  for (std::size_t i = 0; i < width; ++i) sector[at + i] = static_cast<std::byte>(value >> (8 * i));
}

}  // namespace

std::string to_text(const Guid& guid) {
  std::string text;
  for (std::size_t i = 0; i < text_order.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += fmt::format("{:02X}", std::to_integer<unsigned>(guid[text_order[i]]));
  }
  return text;
}

std::optional<Guid> guid_of(std::string_view text) {
  if (text.size() == 38 && text.starts_with('{') && text.ends_with('}')) text = text.substr(1, 36);
  if (text.size() != 36) return std::nullopt;
  Guid guid{};
  std::size_t at = 0;
  for (std::size_t i = 0; i < text_order.size(); ++i) {
    if ((i == 4 || i == 6 || i == 8 || i == 10) && text[at++] != '-') return std::nullopt;
    const char* const digits = text.data() + at;
    std::uint8_t value = 0;
    if (std::from_chars(digits, digits + 2, value, 16).ptr != digits + 2) return std::nullopt;
    guid[text_order[i]] = std::byte{value};
    at += 2;
  }
  return guid;
}

bool looks_like_gpt(std::span<const std::byte> sector) {
  return sector.size() >= signature.size() &&
         std::ranges::equal(sector.first(signature.size()), std::as_bytes(std::span{signature}));
}

Result<GptTable> read_gpt(BlockView& disk, std::uint64_t lba, std::uint32_t sector_size) {
  const std::uint64_t sectors = disk.size().value / sector_size;
  if (lba >= sectors) return damaged(lba, fmt::format("there are only {} sectors", sectors));
  GptTable table;
  table.header_sector.resize(sector_size);
  FL_CHECK(disk.read(ByteOffset{lba * sector_size}, table.header_sector));
  const std::span<const std::byte> sector{table.header_sector};
  if (!looks_like_gpt(sector)) return damaged(lba, "no signature");
  ByteReader in{sector.subspan(signature.size())};
  std::uint32_t crc = 0;
  FL_TRY(table.header, take_header(in, crc));
  if (table.header.size < header_fields || table.header.size > sector_size) {
    return damaged(lba, fmt::format("a header of {} bytes", table.header.size));
  }
  if (header_crc(sector.first(table.header.size)) != crc) return damaged(lba, "the CRC of its header is wrong");
  FL_CHECK(check_header(table.header, lba, sectors, sector_size));
  table.entry_bytes.resize(static_cast<std::size_t>(table.header.entries_bytes()));
  const std::uint64_t entries_at = table.header.entries_lba * sector_size;
  if (table.entry_bytes.size() > disk.size().value - entries_at) return damaged(lba, "its entries reach past the end");
  FL_CHECK(disk.read(ByteOffset{entries_at}, table.entry_bytes));
  if (crc32(table.entry_bytes) != table.header.entries_crc) return damaged(lba, "the CRC of its entries is wrong");
  FL_CHECK(take_entries(table, lba));
  return table;
}

std::vector<std::byte> gpt_header_sector(std::span<const std::byte> header_sector, const GptHeader& header) {
  std::vector<std::byte> sector{header_sector.begin(), header_sector.end()};
  std::ranges::copy(std::as_bytes(std::span{signature}), sector.begin());
  put(sector, 8, header.revision, 4);
  put(sector, 12, header.size, 4);
  put(sector, 20, 0, 4);
  put(sector, 24, header.my_lba, 8);
  put(sector, 32, header.alternate_lba, 8);
  put(sector, 40, header.first_usable, 8);
  put(sector, 48, header.last_usable, 8);
  std::ranges::copy(header.disk, sector.begin() + 56);
  put(sector, 72, header.entries_lba, 8);
  put(sector, 80, header.entry_count, 4);
  put(sector, 84, header.entry_size, 4);
  put(sector, 88, header.entries_crc, 4);
  put(sector, crc_offset, header_crc(std::span{sector}.first(header.size)), 4);
  return sector;
}

}  // namespace flashline::imaging
