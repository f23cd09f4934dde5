#include "imaging/filesystem/fat/fat_table.h"

#include <algorithm>
#include <array>
#include <string>

#include "imaging/core/errors/image.h"
#include "imaging/core/little_endian.h"

namespace flashline::imaging::fat {
namespace {

/// Bytes of the table that are read together; a multiple of 12, 16 and 32 bit entries and of every sector size, so that
/// no entry lies across two windows.
constexpr std::uint64_t window_size = 3 * 4096;

constexpr std::uint32_t fs_info_lead = 0x41615252;
constexpr std::uint32_t fs_info_middle = 0x61417272;
constexpr std::uint32_t fs_info_tail = 0xAA550000;
constexpr std::size_t fs_info_middle_at = 484;
constexpr std::size_t fs_info_free_at = 488;
constexpr std::size_t fs_info_search_at = 492;
constexpr std::size_t fs_info_tail_at = 508;
constexpr std::uint32_t unknown = 0xFFFFFFFF;

constexpr std::uint32_t wide_mask = 0x0FFFFFFF;  ///< the upper four bits of a FAT32 entry belong to nobody: keep them

std::uint64_t entry_at(FatType type, std::uint64_t cluster) {
  return type == FatType::fat12 ? cluster * 3 / 2 : cluster * (type == FatType::fat16 ? 2 : 4);
}

std::uint64_t entry_bytes(FatType type) { return type == FatType::fat32 ? 4 : 2; }

std::uint32_t value_in(FatType type, std::uint32_t cluster, std::span<const std::byte> entry) {
  if (type == FatType::fat32) return load32(entry) & wide_mask;
  const std::uint32_t pair = load16(entry);
  if (type == FatType::fat16) return pair;
  return cluster % 2 == 0 ? pair & 0xFFFU : pair >> 4U;
}

void put_value(FatType type, std::uint32_t cluster, std::uint32_t value, std::span<std::byte> entry) {
  if (type == FatType::fat32) return store32(entry, (load32(entry) & ~wide_mask) | value);
  if (type == FatType::fat16) return store16(entry, value);
  const std::uint32_t pair = load16(entry);
  store16(entry, cluster % 2 == 0 ? (pair & 0xF000U) | value : (pair & 0xFU) | (value << 4U));
}

/// Any value from here on ends a chain.
std::uint32_t end_marks_from(FatType type) {
  return type == FatType::fat12 ? 0xFF8 : type == FatType::fat16 ? 0xFFF8 : 0x0FFFFFF8;
}

}  // namespace

Result<FatTable> FatTable::open(WritableBlockView& view, const Geometry& geometry) {
  FatTable table{view, geometry};
  FL_CHECK(table.load_space());
  return table;
}

Status FatTable::load_space() {
  if (!geometry_.fs_info) return {};
  std::array<std::byte, boot_sector_size> sector{};
  FL_CHECK(view_->read(*geometry_.fs_info, sector));
  const std::span<const std::byte> bytes{sector};
  if (load32(bytes) != fs_info_lead || load32(bytes.subspan(fs_info_middle_at)) != fs_info_middle ||
      load32(bytes.subspan(fs_info_tail_at)) != fs_info_tail) {
    geometry_.fs_info.reset();
    return {};
  }
  const std::uint32_t free = load32(bytes.subspan(fs_info_free_at));
  const std::uint32_t search = load32(bytes.subspan(fs_info_search_at));
  if (free <= geometry_.clusters) space_.free = free;
  if (geometry_.holds(search)) space_.search = search;
  return {};
}

Status FatTable::store_space() {
  if (!geometry_.fs_info) return {};
  std::array<std::byte, 8> fields{};
  store32(fields, space_.free.value_or(unknown));
  store32(std::span{fields}.subspan(4), space_.search);
  return view_->write(ByteOffset{geometry_.fs_info->value + fs_info_free_at}, fields);
}

void FatTable::reset(const Space& space) {
  space_ = space;
  window_.clear();
}

Result<std::span<std::byte>> FatTable::entry(std::uint32_t cluster) {
  const std::uint64_t at = entry_at(geometry_.type, cluster);
  const std::uint64_t start = at / window_size * window_size;
  if (window_.empty() || start != window_at_) {
    window_.resize(static_cast<std::size_t>(std::min(window_size, geometry_.table_size.value - start)));
    const std::uint64_t copy = geometry_.only_copy.value_or(0) * geometry_.table_size.value;
    const Status loaded = view_->read(ByteOffset{geometry_.table.value + copy + start}, window_);
    if (!loaded) {
      window_.clear();
      return std::unexpected{loaded.error()};
    }
    window_at_ = start;
  }
  return std::span{window_}.subspan(static_cast<std::size_t>(at - start),
                                    static_cast<std::size_t>(entry_bytes(geometry_.type)));
}

Result<std::uint32_t> FatTable::get(std::uint32_t cluster) {
  FL_TRY(const auto bytes, entry(cluster));
  return value_in(geometry_.type, cluster, bytes);
}

Status FatTable::set(std::uint32_t cluster, std::uint32_t value) {
  FL_TRY(const auto bytes, entry(cluster));
  put_value(geometry_.type, cluster, value, bytes);
  const std::uint64_t at = geometry_.table.value + entry_at(geometry_.type, cluster);
  for (std::uint32_t copy = 0; copy < geometry_.copies; ++copy) {
    if (geometry_.only_copy.value_or(copy) != copy) continue;
    FL_CHECK(view_->write(ByteOffset{at + copy * geometry_.table_size.value}, bytes));
  }
  return {};
}

std::uint32_t FatTable::end_mark() const { return end_marks_from(geometry_.type) + 7; }

Result<std::vector<std::uint32_t>> FatTable::chain(std::uint32_t head, std::uint64_t limit) {
  std::vector<std::uint32_t> clusters;
  for (std::uint32_t at = head; at < end_marks_from(geometry_.type);) {
    const bool broken = !geometry_.holds(at);
    if (broken) {
      return fail(errc::fat_damaged, "the cluster chain from " + std::to_string(head) + " leads to cluster " +
                                         std::to_string(at) + " after " + std::to_string(clusters.size()) +
                                         " clusters");
    }
    if (clusters.size() == limit) {
      return fail(errc::fat_loop, "the cluster chain from " + std::to_string(head) + " has not ended after " +
                                      std::to_string(limit) + " clusters");
    }
    clusters.push_back(at);
    FL_TRY(at, get(at));
  }
  return clusters;
}

Result<std::uint32_t> FatTable::take_free() {
  std::uint32_t cluster = space_.search;
  for (std::uint32_t tried = 0; tried < geometry_.clusters; ++tried) {
    FL_TRY(const std::uint32_t value, get(cluster));
    if (value == 0) {
      FL_CHECK(set(cluster, end_mark()));
      space_.search = cluster;
      if (space_.free && *space_.free > 0) --*space_.free;
      return cluster;
    }
    cluster = cluster + 1 == geometry_.end_cluster() ? first_cluster : cluster + 1;
  }
  return fail(errc::fat_full, "all " + std::to_string(geometry_.clusters) + " clusters of " +
                                  std::to_string(geometry_.cluster_size) + " bytes are in use");
}

Result<std::vector<std::uint32_t>> FatTable::allocate(std::uint64_t count) {
  if (count > geometry_.clusters) {
    return fail(errc::fat_full,
                std::to_string(count) + " clusters are needed, the volume has " + std::to_string(geometry_.clusters));
  }
  std::vector<std::uint32_t> clusters;
  while (clusters.size() < count) {
    FL_TRY(const std::uint32_t cluster, take_free());
    if (!clusters.empty()) FL_CHECK(set(clusters.back(), cluster));
    clusters.push_back(cluster);
  }
  return clusters;
}

Status FatTable::release(std::span<const std::uint32_t> clusters) {
  for (const std::uint32_t cluster : clusters) {
    FL_CHECK(set(cluster, 0));
    if (space_.free && *space_.free < geometry_.clusters) ++*space_.free;
  }
  return {};
}

Result<std::uint32_t> FatTable::free_clusters() {
  if (space_.free) return *space_.free;
  std::uint32_t free = 0;
  for (std::uint32_t cluster = first_cluster; cluster < geometry_.end_cluster(); ++cluster) {
    FL_TRY(const std::uint32_t value, get(cluster));
    if (value == 0) ++free;
  }
  space_.free = free;
  return free;
}

Result<bool> FatTable::dirty() {
  if (geometry_.type == FatType::fat12) return false;
  FL_TRY(const std::uint32_t marks, get(1));
  const std::uint32_t clean = geometry_.type == FatType::fat16 ? 0x8000 : 0x08000000;
  return (marks & clean) == 0;
}

}  // namespace flashline::imaging::fat
