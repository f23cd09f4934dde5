#pragma once
// The first sector of a FAT volume, checked before anything else is believed.
// Source: "FAT32 File System Specification", Microsoft, 2000-12-06; what Linux and dosfstools accept where it is
// silent.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "imaging/core/error.h"
#include "imaging/core/units.h"
#include "imaging/filesystem/fat/fat_type.h"

namespace flashline::imaging::fat {

constexpr std::size_t boot_sector_size = 512;
constexpr std::uint32_t first_cluster = 2;
constexpr std::uint32_t slot_size = 32;

/// Where everything lies, in bytes from the start of the volume. All of it is inside of the view.
struct Geometry {
  FatType type = FatType::fat12;
  std::uint32_t sector_size = 0;
  std::uint32_t cluster_size = 0;
  std::uint32_t clusters = 0;  ///< data clusters, numbered from first_cluster on
  ByteOffset table;            ///< the first copy
  ByteCount table_size;        ///< of one copy
  std::uint32_t copies = 0;
  std::optional<std::uint32_t> only_copy;  ///< FAT32 without mirroring: the one copy that is kept
  ByteOffset root;                         ///< FAT12 and FAT16: the fixed root folder
  std::uint32_t root_slots = 0;            ///< its entries
  std::uint32_t root_cluster = 0;          ///< FAT32: where the root folder begins
  ByteOffset data;                         ///< of cluster 2
  std::optional<ByteOffset> fs_info;
  std::string label;  ///< 11 bytes as they are on the disk
  std::uint32_t serial = 0;
  bool dirty = false;

  std::uint32_t end_cluster() const { return clusters + first_cluster; }
  bool holds(std::uint32_t cluster) const { return cluster >= first_cluster && cluster < end_cluster(); }
  /// `cluster` is one that holds() says yes to.
  ByteOffset place_of(std::uint32_t cluster) const {
    return {data.value + std::uint64_t{cluster - first_cluster} * cluster_size};
  }
};

/// Reads the boot sector of a volume in a view of `available` bytes. Errors: fat_boot_sector.
Result<Geometry> parse_boot_sector(std::span<const std::byte> sector, ByteCount available);

}  // namespace flashline::imaging::fat
