#pragma once
// A layout with numbers: where each partition lies on a disk of the smallest size that the platform allows.
// Source: imaging.md section 10.3, 10.4.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "imaging/core/error.h"
#include "imaging/layout/device_layout.h"
#include "imaging/layout/device_platform.h"

namespace flashline::imaging {

struct SectorRange {
  std::uint64_t first = 0;
  std::uint64_t count = 0;
  std::uint64_t end() const { return first + count; }
  bool operator==(const SectorRange&) const = default;
};

struct PlacedPartition : PartitionTraits {
  std::uint32_t number = 0;  ///< from 1, as Linux counts: logical partitions from 5
  SectorRange place;
  Guid id{};             ///< GPT only
  bool logical = false;  ///< its EBR is the sector before `place`
};

struct StoreLayout {
  TableStyle style = TableStyle::mbr;
  std::uint32_t sector_size = 512;
  std::uint64_t sectors = 0;            ///< of the whole disk
  Guid disk_guid{};                     ///< GPT
  std::uint32_t disk_signature = 0;     ///< MBR
  std::uint64_t first_usable = 0;       ///< sector; MBR: 1
  std::uint64_t last_usable = 0;        ///< sector, inclusive
  std::uint32_t entry_count = 0;        ///< GPT: places in the table
  std::optional<SectorRange> extended;  ///< MBR: partition 4, which holds the logical ones
  Guid id{};
  std::string type;
  std::string device_path;                  ///< empty: the board's default store
  std::vector<PlacedPartition> partitions;  ///< as listed in the layout
};

struct DiskLayout {
  std::string version_tag;
  std::uint32_t chunk_size = 0;  ///< bytes
  std::vector<StoreLayout> stores;
};

/// Partition name (in any case) -> sectors that its content takes, with all that the file system adds. Who is not
/// there has no content.
using ContentSizes = std::map<std::string, std::uint64_t>;

/// Places all partitions. Each begins at the end of the one before, raised to its alignment, unless it has an offset;
/// content of a partition that grows with it is rounded up to the alignment before the free sectors are added. MBR with
/// more than three partitions: from the fourth on logical, each behind its EBR. GPT: room for 128 entries, fewer where
/// an offset needs the sectors.
/// Errors: layout_overlap, layout_too_large, layout_content, layout_target, layout_fat32_small, layout_mbr_limit,
/// layout_store.
Result<DiskLayout> lay_out(const DeviceLayout& layout, const DevicePlatform& platform, const ContentSizes& contents);

/// The partition of that name (case aside), or nullptr.
const PlacedPartition* find_partition(const StoreLayout& store, std::string_view name);

/// What Windows knows the disk of an image by while it is built; boot configuration refers to exactly these.
Guid image_disk_guid();
inline constexpr std::uint32_t image_disk_signature = 0xAE420040;

/// A GUID that only depends on a disk's and a name: SHA-256, marked as version 8 (RFC 9562).
Guid derived_guid(const Guid& disk, std::string_view name);

}  // namespace flashline::imaging
