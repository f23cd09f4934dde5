#include "imaging/filesystem/fat/boot_sector.h"

#include <bit>
#include <string_view>

#include "imaging/core/byte_reader.h"
#include "imaging/core/errors/image.h"

namespace flashline::imaging::fat {
namespace {

constexpr std::uint32_t most_fat12_clusters = 4084;
constexpr std::uint32_t most_fat16_clusters = 65524;
constexpr std::uint32_t most_fat32_clusters = 0x0FFFFFF5;

/// The fields as they stand, in their order on the disk.
struct Fields {
  std::uint16_t bytes_per_sector = 0;
  std::uint8_t sectors_per_cluster = 0;
  std::uint16_t reserved = 0;
  std::uint8_t copies = 0;
  std::uint16_t root_slots = 0;
  std::uint8_t media = 0;
  std::uint64_t sectors = 0;
  std::uint32_t table_sectors = 0;
  bool wide = false;  ///< the FAT32 layout; Linux and dosfstools go by this, not by the number of clusters
  std::uint16_t flags = 0;
  std::uint16_t version = 0;
  std::uint32_t root_cluster = 0;
  std::uint16_t fs_info = 0;
  bool dirty = false;
  std::uint32_t serial = 0;
  std::string label;
};

std::unexpected<Error> bad(std::string_view what, std::uint64_t value) {
  return fail(errc::fat_boot_sector, std::string{what} + " is " + std::to_string(value));
}

Status read_wide_fields(ByteReader& in, Fields& f) {
  FL_TRY(f.table_sectors, in.u32("sectors per FAT32"));
  FL_TRY(f.flags, in.u16("mirroring flags"));
  FL_TRY(f.version, in.u16("version"));
  FL_TRY(f.root_cluster, in.u32("root cluster"));
  FL_TRY(f.fs_info, in.u16("FSInfo sector"));
  FL_CHECK(in.take(14, "backup sector and reserved bytes"));
  return {};
}

Status read_tail(ByteReader& in, Fields& f) {
  FL_CHECK(in.u8("drive"));
  FL_TRY(const std::uint8_t state, in.u8("state"));
  FL_TRY(const std::uint8_t extended, in.u8("extended signature"));
  FL_TRY(const std::uint32_t serial, in.u32("serial"));
  FL_TRY(const auto label, in.take(11, "label"));
  f.dirty = (state & 1U) != 0;
  if (extended != 0x29) return {};
  f.serial = serial;
  for (const std::byte b : label) f.label.push_back(static_cast<char>(b));
  return {};
}

Result<Fields> read_fields(std::span<const std::byte> sector) {
  ByteReader in{sector};
  Fields f;
  FL_CHECK(in.take(11, "jump and OEM name"));
  FL_TRY(f.bytes_per_sector, in.u16("bytes per sector"));
  FL_TRY(f.sectors_per_cluster, in.u8("sectors per cluster"));
  FL_TRY(f.reserved, in.u16("reserved sectors"));
  FL_TRY(f.copies, in.u8("number of FATs"));
  FL_TRY(f.root_slots, in.u16("root entries"));
  FL_TRY(f.sectors, in.u16("sectors"));
  FL_TRY(f.media, in.u8("media"));
  FL_TRY(f.table_sectors, in.u16("sectors per FAT"));
  FL_CHECK(in.take(8, "CHS geometry and hidden sectors"));
  FL_TRY(const std::uint32_t many_sectors, in.u32("32-bit sectors"));
  if (f.sectors == 0) f.sectors = many_sectors;
  f.wide = f.table_sectors == 0;
  if (f.wide) FL_CHECK(read_wide_fields(in, f));
  FL_CHECK(read_tail(in, f));
  return f;
}

Status check_signature(std::span<const std::byte> sector) {
  if (sector.size() < boot_sector_size) return bad("the number of bytes", sector.size());
  const bool jump = sector[0] == std::byte{0xEB} || sector[0] == std::byte{0xE9};
  if (!jump) return bad("the first byte, which has to be a jump,", std::to_integer<unsigned>(sector[0]));
  if (sector[510] == std::byte{0x55} && sector[511] == std::byte{0xAA}) return {};
  return fail(errc::fat_boot_sector, "the signature 55 AA at offset 510 is missing");
}

Status check_fields(const Fields& f) {
  const bool sector_ok =
      std::has_single_bit(f.bytes_per_sector) && f.bytes_per_sector >= 512 && f.bytes_per_sector <= 4096;
  if (!sector_ok) return bad("the sector size", f.bytes_per_sector);
  if (!std::has_single_bit(f.sectors_per_cluster))
    return bad("the number of sectors per cluster", f.sectors_per_cluster);
  if (f.reserved == 0) return bad("the number of reserved sectors", 0);
  if (f.copies == 0 || f.copies > 2) return bad("the number of FATs", f.copies);
  if (f.media != 0xF0 && f.media < 0xF8) return bad("the media byte", f.media);
  if (f.table_sectors == 0) return bad("the size of the FAT", 0);
  if (f.sectors == 0) return bad("the number of sectors", 0);
  if (f.wide != (f.root_slots == 0)) return bad("the number of root entries", f.root_slots);
  if (f.root_slots * slot_size % f.bytes_per_sector != 0) return bad("the number of root entries", f.root_slots);
  if (f.version != 0) return bad("the FAT32 version", f.version);
  return {};
}

Result<FatType> type_of(const Fields& f, std::uint64_t clusters) {
  if (f.wide) {
    if (clusters > most_fat32_clusters) return bad("the number of clusters", clusters);
    return FatType::fat32;
  }
  if (clusters > most_fat16_clusters) return bad("the number of clusters of a FAT16", clusters);
  return clusters > most_fat12_clusters ? FatType::fat16 : FatType::fat12;
}

/// Bytes that a table of this many clusters needs.
std::uint64_t table_bytes(FatType type, std::uint64_t clusters) {
  const std::uint64_t entries = clusters + first_cluster;
  switch (type) {
    case FatType::fat12:
      return (entries * 3 + 1) / 2;
    case FatType::fat16:
      return entries * 2;
    case FatType::fat32:
      break;
  }
  return entries * 4;
}

/// Lays out the areas; every product fits 64 bits because each factor comes from a field of at most 32 bits.
Result<Geometry> lay_out(const Fields& f, ByteCount available) {
  const std::uint64_t sector = f.bytes_per_sector;
  if (f.sectors * sector > available.value) return bad("larger than the partition: the number of sectors", f.sectors);
  Geometry g;
  g.sector_size = f.bytes_per_sector;
  g.cluster_size = static_cast<std::uint32_t>(sector * f.sectors_per_cluster);
  g.copies = f.copies;
  g.table = {f.reserved * sector};
  g.table_size = {f.table_sectors * sector};
  g.root = {g.table.value + g.copies * g.table_size.value};
  g.root_slots = f.root_slots;
  g.data = {g.root.value + std::uint64_t{g.root_slots} * slot_size};
  const std::uint64_t end = f.sectors * sector;
  if (g.data.value >= end) return bad("too small for its tables: the number of sectors", f.sectors);
  const std::uint64_t clusters = (end - g.data.value) / g.cluster_size;
  if (clusters == 0) return bad("the number of clusters", 0);
  FL_TRY(g.type, type_of(f, clusters));
  if (table_bytes(g.type, clusters) > g.table_size.value) return bad("too small: the size of the FAT", f.table_sectors);
  g.clusters = static_cast<std::uint32_t>(clusters);
  return g;
}

Status add_wide(const Fields& f, Geometry& g) {
  constexpr unsigned not_mirrored = 0x80;
  g.root_cluster = f.root_cluster;
  if (!g.holds(g.root_cluster)) return bad("the cluster of the root folder", g.root_cluster);
  if ((f.flags & not_mirrored) != 0) {
    g.only_copy = f.flags & 0x0FU;
    if (*g.only_copy >= g.copies) return bad("the number of the active FAT", *g.only_copy);
  }
  if (f.fs_info != 0 && f.fs_info != 0xFFFF) {
    if (f.fs_info >= f.reserved) return bad("the sector of FSInfo", f.fs_info);
    g.fs_info = ByteOffset{std::uint64_t{f.fs_info} * g.sector_size};
  }
  return {};
}

}  // namespace

Result<Geometry> parse_boot_sector(std::span<const std::byte> sector, ByteCount available) {
  FL_CHECK(check_signature(sector));
  FL_TRY(const Fields f, read_fields(sector));
  FL_CHECK(check_fields(f));
  FL_TRY(Geometry g, lay_out(f, available));
  g.label = f.label;
  g.serial = f.serial;
  g.dirty = f.dirty;
  if (f.wide) FL_CHECK(add_wide(f, g));
  return g;
}

}  // namespace flashline::imaging::fat
