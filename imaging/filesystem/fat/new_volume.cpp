#include "imaging/filesystem/fat/new_volume.h"

#include <algorithm>
#include <array>
#include <limits>
#include <spdlog/fmt/fmt.h>
#include <vector>

#include "imaging/core/errors/filesystem.h"
#include "imaging/core/little_endian.h"

namespace flashline::imaging::fat {
namespace {

using Sector = std::array<std::byte, boot_sector_size>;

constexpr std::uint8_t fixed_disk = 0xF8;
constexpr std::uint32_t fs_info_sector = 1;
constexpr std::uint32_t backup_sector = 6;
/// Entries that are packed and written together: an even number, for FAT12's pairs.
constexpr std::size_t window_entries = 8192;

void put_text(std::span<std::byte> at, std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) at[i] = static_cast<std::byte>(text[i]);
}

/// The fields from the drive number on, which lie elsewhere on FAT32.
void put_tail(std::span<std::byte> at, const Geometry& g, const ShortName* label, std::string_view type) {
  at[0] = std::byte{0x80};
  at[2] = std::byte{0x29};
  store32(at.subspan(3), g.serial);
  put_text(at.subspan(7),
           label == nullptr ? std::string_view{"NO NAME    "} : std::string_view{label->data(), label->size()});
  put_text(at.subspan(18), type);
  // Who starts this gets a machine that stands still: hlt, and back to it.
  put_text(at.subspan(26), "\xF4\xEB\xFD");
}

Sector boot_sector(const Geometry& g, const FatFormat& format, const ShortName* label) {
  Sector sector{};
  const std::span<std::byte> at{sector};
  const bool wide = g.type == FatType::fat32;
  const std::uint64_t end = g.data.value + std::uint64_t{g.clusters} * g.cluster_size;
  const auto sectors = static_cast<std::uint32_t>(end / g.sector_size);
  const auto table_sectors = static_cast<std::uint32_t>(g.table_size.value / g.sector_size);
  put_text(at, wide ? "\xEB\x58\x90MSWIN4.1" : "\xEB\x3C\x90MSWIN4.1");
  store16(at.subspan(11), g.sector_size);
  at[13] = static_cast<std::byte>(g.cluster_size / g.sector_size);
  store16(at.subspan(14), static_cast<std::uint32_t>(g.table.value / g.sector_size));
  at[16] = static_cast<std::byte>(g.copies);
  store16(at.subspan(17), g.root_slots);
  const bool few = !wide && sectors <= std::numeric_limits<std::uint16_t>::max();
  if (few) store16(at.subspan(19), sectors);
  at[21] = std::byte{fixed_disk};
  if (!wide) store16(at.subspan(22), table_sectors);
  store16(at.subspan(24), 63);   // sectors of a track
  store16(at.subspan(26), 255);  // heads
  // The field has 32 bits; firmware does not look at it on disks that need more.
  if (format.first_sector <= std::numeric_limits<std::uint32_t>::max()) {
    store32(at.subspan(28), static_cast<std::uint32_t>(format.first_sector));
  }
  if (!few) store32(at.subspan(32), sectors);
  if (wide) {
    store32(at.subspan(36), table_sectors);
    store32(at.subspan(44), g.root_cluster);
    store16(at.subspan(48), fs_info_sector);
    store16(at.subspan(50), backup_sector);
  }
  put_tail(at.subspan(wide ? 64 : 36), g, label,
           wide                       ? "FAT32   "
           : g.type == FatType::fat16 ? "FAT16   "
                                      : "FAT12   ");
  store16(at.subspan(510), 0xAA55);
  return sector;
}

Sector fs_info(const Geometry& g, std::uint32_t used) {
  Sector sector{};
  const std::span<std::byte> at{sector};
  store32(at, 0x41615252);
  store32(at.subspan(484), 0x61417272);
  store32(at.subspan(488), g.clusters - used);
  store32(at.subspan(492), first_cluster + used - 1);  // the last one taken: the root folder has one at least
  store32(at.subspan(508), 0xAA550000);
  return sector;
}

/// Takes entries in order, writes them to all copies.
class TableWriter {
 public:
  TableWriter(WritableBlockView& view, const Geometry& g) : view_{view}, g_{g} {}

  Status put(std::uint32_t value) {
    entries_.push_back(value);
    return entries_.size() == window_entries ? flush() : Status{};
  }
  Status flush() {
    const std::vector<std::byte> bytes = packed();
    for (std::uint32_t copy = 0; copy < g_.copies; ++copy) {
      FL_CHECK(view_.write(ByteOffset{g_.table.value + copy * g_.table_size.value + at_}, bytes));
    }
    at_ += bytes.size();
    entries_.clear();
    return {};
  }

 private:
  std::vector<std::byte> packed() const {
    if (g_.type == FatType::fat12) return packed_pairs();
    const std::size_t width = g_.type == FatType::fat16 ? 2 : 4;
    std::vector<std::byte> bytes(entries_.size() * width);
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      const auto at = std::span{bytes}.subspan(i * width);
      width == 2 ? store16(at, entries_[i]) : store32(at, entries_[i]);
    }
    return bytes;
  }
  std::vector<std::byte> packed_pairs() const {
    std::vector<std::byte> bytes((entries_.size() * 3 + 1) / 2 + 1);
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      const auto at = std::span{bytes}.subspan(i * 3 / 2);
      store16(at, i % 2 == 0 ? entries_[i] : load16(at) | entries_[i] << 4U);
    }
    bytes.resize((entries_.size() * 3 + 1) / 2);
    return bytes;
  }

  WritableBlockView& view_;
  const Geometry& g_;
  std::vector<std::uint32_t> entries_;
  std::uint64_t at_ = 0;
};

}  // namespace

Result<std::optional<ShortName>> label_field(std::string_view label) {
  if (label.empty()) return std::optional<ShortName>{};
  ShortName field;
  field.fill(' ');
  constexpr std::string_view refused = "\"*+,./:;<=>?[\\]|";
  const bool plain = label.size() <= field.size() && label.front() != ' ' &&
                     std::ranges::all_of(label, [&](char c) { return c >= 0x20 && c < 0x7F && !refused.contains(c); });
  if (!plain) return fail(errc::volume_label, fmt::format("'{}' is no label of at most 11 characters for FAT", label));
  std::ranges::transform(label, field.begin(),
                         [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  return std::optional{field};
}

Status write_boot_area(WritableBlockView& view, const Geometry& geometry, const FatFormat& format,
                       const ShortName* label, std::uint32_t used) {
  const Sector boot = boot_sector(geometry, format, label);
  FL_CHECK(view.write(ByteOffset{0}, boot));
  if (geometry.type != FatType::fat32) return {};
  const Sector info = fs_info(geometry, used);
  FL_CHECK(view.write(ByteOffset{std::uint64_t{fs_info_sector} * geometry.sector_size}, info));
  FL_CHECK(view.write(ByteOffset{std::uint64_t{backup_sector} * geometry.sector_size}, boot));
  return view.write(ByteOffset{std::uint64_t{backup_sector + fs_info_sector} * geometry.sector_size}, info);
}

Status write_table(WritableBlockView& view, const Geometry& geometry, std::span<const std::uint32_t> chains) {
  const std::uint32_t end = geometry.type == FatType::fat12   ? 0xFFF
                            : geometry.type == FatType::fat16 ? 0xFFFF
                                                              : 0x0FFFFFFF;
  TableWriter table{view, geometry};
  FL_CHECK(table.put((end & ~0xFFU) | fixed_disk));
  FL_CHECK(table.put(end));  // with the bits that say: unmounted cleanly, no errors
  std::uint32_t cluster = first_cluster;
  for (const std::uint32_t length : chains) {
    for (std::uint32_t i = 1; i < length; ++i) FL_CHECK(table.put(++cluster));
    ++cluster;
    FL_CHECK(table.put(end));
  }
  return table.flush();
}

}  // namespace flashline::imaging::fat
