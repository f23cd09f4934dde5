#include "transport/sdp/ivt.h"

#include <algorithm>
#include <optional>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/errors/sdp.h"
#include "imaging/core/little_endian.h"

namespace flashline::transport {
namespace {

using Bytes = std::span<const std::byte>;

constexpr std::uint32_t header_40 = 0x402000d1;
constexpr std::uint32_t header_41 = 0x412000d1;
constexpr std::byte dcd_tag{0xd2};
constexpr std::byte csf_tag{0xd4};
constexpr std::size_t boot_data_size = 12;

/// A table as it stands in the file, and how addresses on the chip become offsets in the file.
struct Table {
  Bytes file;
  std::size_t at;

  std::uint32_t word(std::size_t offset) const { return load32(file.subspan(at + offset)); }
  std::uint32_t self() const { return word(20); }
  /// Offset in the file of `count` bytes at `address`, or nothing when they do not lie in it.
  std::optional<std::size_t> place(std::uint32_t address, std::size_t count) const {
    const std::int64_t offset = std::int64_t{address} - self() + static_cast<std::int64_t>(at);
    if (offset < 0 || static_cast<std::uint64_t>(offset) > file.size()) return std::nullopt;
    const auto place = static_cast<std::size_t>(offset);
    if (count > file.size() - place) return std::nullopt;
    return place;
  }
};

std::unexpected<Error> bad(const Table& table, std::string_view what) {
  return fail(errc::sdp_image, fmt::format("image vector table at offset {}: {}", table.at, what));
}

Result<FilePart> image_of(const Table& table, std::size_t boot_data) {
  const std::uint32_t start = load32(table.file.subspan(boot_data));
  const std::uint32_t length = load32(table.file.subspan(boot_data + 4));
  if (table.self() < start || table.self() - start >= length) return bad(table, "it lies outside of its own image");
  const std::size_t after_table = length - (table.self() - start);
  if (after_table < ImageVectorTable::size) return bad(table, "the image ends inside of the table");
  return FilePart{table.at, std::min(after_table, table.file.size() - table.at)};
}

Result<FilePart> dcd_of(const Table& table) {
  const std::uint32_t address = table.word(ImageVectorTable::dcd_pointer);
  if (address == 0) return FilePart{};
  const auto place = table.place(address, 4);
  if (!place || table.file[*place] != dcd_tag) return bad(table, "its DCD pointer leads to no DCD");
  const auto header = table.file.subspan(*place, 4);
  const std::size_t length = std::to_integer<std::size_t>(header[1]) << 8U | std::to_integer<std::size_t>(header[2]);
  if (length < 4 || length > table.file.size() - *place) return bad(table, "its DCD does not end inside of the file");
  return FilePart{*place, length};
}

bool is_signed(const Table& table) {
  const std::uint32_t csf = table.word(24);
  const auto place = csf == 0 ? std::nullopt : table.place(csf, 4);
  return place && table.file[*place] == csf_tag;
}

Result<ImageVectorTable> read_table(const Table& table) {
  const auto boot_data = table.place(table.word(16), boot_data_size);
  if (!boot_data) return bad(table, "its boot data lie outside of the file");
  // What follows 0x41 may be a plug-in for HDMI firmware: its flag has other bits than that of a plug-in.
  if (table.word(0) == header_41 && load32(table.file.subspan(*boot_data + 8)) > 1) {
    return bad(table, "it is that of HDMI firmware");
  }
  FL_TRY(const FilePart image, image_of(table, *boot_data));
  FL_TRY(const FilePart dcd, dcd_of(table));
  return ImageVectorTable{table.self(), image, dcd, is_signed(table)};
}

}  // namespace

Result<ImageVectorTable> find_ivt(Bytes file) {
  std::optional<Error> first;
  for (std::size_t at = 0; at + ImageVectorTable::size <= file.size(); at += 4) {
    const std::uint32_t header = load32(file.subspan(at));
    if (header != header_40 && header != header_41) continue;
    auto table = read_table({file, at});
    if (table) return table;
    if (!first) first = std::move(table).error();
  }
  if (first) return std::unexpected{std::move(*first)};
  return fail(errc::sdp_image, "no image vector table in the boot image");
}

}  // namespace flashline::transport
