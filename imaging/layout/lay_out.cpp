#include "imaging/layout/lay_out.h"

#include <algorithm>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/digest.h"
#include "imaging/core/errors/layout.h"
#include "imaging/layout/detail/gpt_shape.h"
#include "imaging/workspace/input_xml.h"

namespace flashline::imaging {
namespace {

/// Partitions of an MBR that need no chain: with more than these, the fourth place is the chain's.
constexpr std::size_t primary_places = 3;
constexpr std::uint64_t mbr_sectors = 0xFFFFFFFF;
constexpr std::uint64_t fat32_min_clusters = 65525;
constexpr std::uint64_t fat32_reserved_sectors = 32;

std::uint64_t rounded_up(std::uint64_t value, std::uint64_t unit) { return (value + unit - 1) / unit * unit; }

/// What the placing of one store needs to know all along.
struct Placing {
  const LayoutStore& from;
  const DevicePlatform& platform;
  const ContentSizes& contents;
  StoreLayout store;
  std::uint64_t next = 0;  ///< first sector behind the partition before
};

std::unexpected<Error> fail_at(Errc code, const PartitionTraits& partition, std::string_view what) {
  return fail(code, fmt::format("{}: partition {}: {}", partition.where, partition.name, what));
}

std::uint64_t content_of(const Placing& placing, const LayoutPartition& partition) {
  const auto found = std::ranges::find_if(
      placing.contents, [&](const auto& content) { return same_word(content.first, partition.name); });
  return found != placing.contents.end() ? found->second : 0;
}

Status check_numbers(const ContentSizes& contents) {
  for (const auto& [name, sectors] : contents) {
    if (sectors > max_layout_number) return fail(errc::layout_content, fmt::format("{}: {} sectors", name, sectors));
  }
  return {};
}

/// Sectors of a partition that begins at `first`.
Result<std::uint64_t> length_of(const Placing& placing, const LayoutPartition& partition, std::uint64_t first) {
  const StoreLayout& store = placing.store;
  const std::uint64_t content = content_of(placing, partition);
  std::uint64_t length = partition.sectors;
  if (partition.sizing == LayoutPartition::Sizing::content_and_free) {
    length += rounded_up(content, partition.alignment / store.sector_size);
    if (same_word(partition.name, "MainOS")) {
      length += placing.platform.additional_main_os_free_sectors + placing.platform.main_os_rtc_sectors;
    }
    // Neither content nor free sectors: a partition all the same.
    length = std::max<std::uint64_t>(length, partition.alignment / store.sector_size);
  }
  if (partition.sizing == LayoutPartition::Sizing::rest && first <= store.last_usable) {
    length = store.last_usable + 1 - first;
  }
  const std::uint64_t end = first + std::max<std::uint64_t>(length, 1);
  if (end > store.last_usable + 1) {
    return fail_at(errc::layout_too_large, partition,
                   fmt::format("it would end at sector {}, the disk of {} sectors has room up to {} ({})", end,
                               store.sectors, store.last_usable + 1, placing.platform.where));
  }
  if (content > length) {
    return fail_at(errc::layout_content, partition, fmt::format("its content needs {} of {} sectors", content, length));
  }
  return length;
}

/// FAT32 is told from FAT16 by its number of clusters alone: with fewer it would be read as the other.
Status check_fat32(const StoreLayout& store, const PlacedPartition& partition) {
  if (partition.file_system != FileSystemKind::fat32) return {};
  const std::uint64_t cluster = partition.cluster_size != 0 ? partition.cluster_size / store.sector_size : 1;
  const std::uint64_t table = ((fat32_min_clusters + 2) * 4 + store.sector_size - 1) / store.sector_size;
  const std::uint64_t least = fat32_reserved_sectors + 2 * table + fat32_min_clusters * cluster;
  if (partition.place.count >= least) return {};
  return fail_at(errc::layout_fat32_small, partition,
                 fmt::format("FAT32 needs {} sectors, it has {}", least, partition.place.count));
}

/// The sectors that `partition` keeps from others: its EBR too.
SectorRange taken_by(const PlacedPartition& partition) {
  if (!partition.logical) return partition.place;
  return {partition.place.first - 1, partition.place.count + 1};
}

bool overlap(const SectorRange& a, const SectorRange& b) { return a.first < b.end() && b.first < a.end(); }

Status check_free(const StoreLayout& store, const PlacedPartition& partition) {
  const SectorRange taken = taken_by(partition);
  if (taken.first < store.first_usable) {
    return fail_at(errc::layout_overlap, partition,
                   fmt::format("sector {} belongs to the partition table, the first free one is {}", taken.first,
                               store.first_usable));
  }
  for (const PlacedPartition& other : store.partitions) {
    if (overlap(taken, taken_by(other))) {
      return fail_at(errc::layout_overlap, partition,
                     fmt::format("sectors {} to {} lie over {} ({} to {})", taken.first, taken.end() - 1, other.name,
                                 other.place.first, other.place.end() - 1));
    }
    if (partition.logical && other.logical && taken.first < other.place.end()) {
      return fail_at(errc::layout_overlap, partition, fmt::format("a logical partition before {}", other.name));
    }
  }
  return {};
}

Status place_partition(Placing& placing, const LayoutPartition& partition) {
  StoreLayout& store = placing.store;
  const std::size_t index = store.partitions.size();
  PlacedPartition placed;
  static_cast<PartitionTraits&>(placed) = partition;
  placed.logical =
      store.style == TableStyle::mbr && index >= primary_places && placing.from.partitions.size() > primary_places;
  placed.number = static_cast<std::uint32_t>(index + (placed.logical ? 2 : 1));
  const std::uint64_t free = placing.next + (placed.logical ? 1 : 0);
  placed.place.first = partition.offset.value_or(rounded_up(free, partition.alignment / store.sector_size));
  if (placed.logical && placed.place.first == 0) placed.place.first = 1;
  FL_TRY(placed.place.count, length_of(placing, partition, placed.place.first));
  if (store.style == TableStyle::gpt) placed.id = partition.id.value_or(derived_guid(store.disk_guid, placed.name));
  FL_CHECK(check_free(store, placed));
  FL_CHECK(check_fat32(store, placed));
  placing.next = placed.place.end();
  store.partitions.push_back(std::move(placed));
  return {};
}

/// The extended partition reaches from the first EBR to the last sector of the chain.
Status add_extended(StoreLayout& store) {
  const auto first = std::ranges::find_if(store.partitions, &PlacedPartition::logical);
  if (first == store.partitions.end()) return {};
  const std::uint64_t start = taken_by(*first).first;
  store.extended = SectorRange{start, store.partitions.back().place.end() - start};
  for (const PlacedPartition& partition : store.partitions) {
    if (partition.logical || !overlap(partition.place, *store.extended)) continue;
    return fail_at(errc::layout_overlap, partition,
                   fmt::format("it lies inside of the extended partition, sectors {} to {}", store.extended->first,
                               store.extended->end() - 1));
  }
  return {};
}

/// The first store is the one that boot configuration knows; others get what follows from their place in the file.
void name_disk(StoreLayout& store, const LayoutStore& from, std::size_t index) {
  store.disk_guid = image_disk_guid();
  store.disk_signature = image_disk_signature;
  if (index > 0) {
    store.disk_guid = from.id.value_or(derived_guid(image_disk_guid(), fmt::format("store {}", index + 1)));
    store.disk_signature = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      store.disk_signature |= std::to_integer<std::uint32_t>(store.disk_guid[i]) << (8 * i);
    }
  }
  store.id = from.id.value_or(store.disk_guid);
}

Result<std::uint64_t> sectors_of(const LayoutStore& from, const DevicePlatform& platform, std::size_t index) {
  const std::uint64_t sectors = from.sectors.value_or(platform.min_sector_count);
  if (index == 0 && sectors > platform.min_sector_count) {
    return fail(errc::layout_too_large, fmt::format("{}: a store of {} sectors, the smallest disk has {} ({})",
                                                    from.where, sectors, platform.min_sector_count, platform.where));
  }
  if (from.style == TableStyle::mbr && sectors > mbr_sectors) {
    return fail(errc::layout_mbr_limit, fmt::format("{}: an MBR on a disk of {} sectors", from.where, sectors));
  }
  return sectors;
}

Result<StoreLayout> lay_out_store(const DeviceLayout& layout, const DevicePlatform& platform,
                                  const ContentSizes& contents, std::size_t index) {
  const LayoutStore& from = layout.stores[index];
  Placing placing{from, platform, contents, {}, 0};
  StoreLayout& store = placing.store;
  store.style = from.style;
  store.sector_size = layout.sector_size;
  store.type = from.type;
  store.device_path = from.device_path;
  name_disk(store, from, index);
  FL_TRY(store.sectors, sectors_of(from, platform, index));
  store.first_usable = 1;
  store.last_usable = store.sectors - 1;
  if (store.style == TableStyle::gpt) FL_CHECK(detail::shape_gpt(store, from));
  placing.next = store.first_usable;
  for (const LayoutPartition& partition : from.partitions) FL_CHECK(place_partition(placing, partition));
  FL_CHECK(add_extended(store));
  return std::move(placing.store);
}

Status check_targets(const DeviceLayout& layout, const ContentSizes& contents) {
  for (const auto& [name, sectors] : contents) {
    std::string names;
    bool known = false;
    for (const LayoutStore& store : layout.stores) {
      for (const LayoutPartition& partition : store.partitions) {
        known = known || same_word(partition.name, name);
        names += (names.empty() ? "" : ", ") + partition.name;
      }
    }
    if (!known) return fail(errc::layout_target, fmt::format("{} has no partition '{}': {}", layout.file, name, names));
  }
  return {};
}

}  // namespace

Result<DiskLayout> lay_out(const DeviceLayout& layout, const DevicePlatform& platform, const ContentSizes& contents) {
  FL_CHECK(check_targets(layout, contents));
  FL_CHECK(check_numbers(contents));
  DiskLayout disk{.version_tag = layout.version_tag, .chunk_size = layout.chunk_size, .stores = {}};
  for (std::size_t i = 0; i < layout.stores.size(); ++i) {
    FL_TRY(auto store, lay_out_store(layout, platform, contents, i));
    disk.stores.push_back(std::move(store));
  }
  return disk;
}

const PlacedPartition* find_partition(const StoreLayout& store, std::string_view name) {
  const auto found = std::ranges::find_if(
      store.partitions, [&](const PlacedPartition& partition) { return same_word(partition.name, name); });
  return found != store.partitions.end() ? &*found : nullptr;
}

Guid image_disk_guid() { return *guid_of("{AE420040-13DD-41F2-AE7F-0DC35854C8D7}"); }

Guid derived_guid(const Guid& disk, std::string_view name) {
  Sha256Stream stream;
  stream.update(disk);
  stream.update(std::as_bytes(std::span{name}));
  const Sha256 digest = stream.finish();
  Guid guid{};
  std::copy_n(digest.begin(), guid.size(), guid.begin());
  // The version is the high half of the third group, which is little-endian on disk.
  guid[7] = (guid[7] & std::byte{0x0F}) | std::byte{0x80};
  guid[8] = (guid[8] & std::byte{0x3F}) | std::byte{0x80};
  return guid;
}

}  // namespace flashline::imaging
