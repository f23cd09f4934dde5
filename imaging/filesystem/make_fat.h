#pragma once
// A FAT12, FAT16 or FAT32 file system, formatted and filled in one pass.
// Source: "FAT32 File System Specification", Microsoft, 2000-12-06; defaults are those of its tables.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "imaging/core/block_view.h"
#include "imaging/core/error.h"
#include "imaging/filesystem/fat/fat_type.h"
#include "imaging/filesystem/file_tree.h"

namespace flashline::imaging {

struct FatFormat {
  std::optional<FatType> type{};    ///< nullopt: as the size demands (a layout's "FAT")
  std::uint32_t sector_size = 512;  ///< bytes
  std::uint32_t cluster_size = 0;   ///< bytes; 0: the specification's default for the size
  std::uint64_t first_sector = 0;   ///< of the partition on its disk: "hidden sectors"
  std::string label{};              ///< at most 11 characters; empty: none
  std::uint32_t serial = 0;
};

/// Formats `partition` and copies `tree` into it; every stamp becomes `time`. `partition` reads as zeros before.
/// Peak memory is that of the tree plus a few MiB.
/// Errors: partition_too_small, fat32_too_small, cluster_size, volume_label, tree_kind (links), fat_bad_name,
/// fat_file_too_large, fat_folder_full, content_changed, image_open, image_read, image_write.
Status make_fat(WritableBlockView& partition, const FatFormat& format, const FileTree& tree,
                std::chrono::sys_seconds time);

/// Sectors of `format.sector_size` that are enough for `tree`, and hardly more. Errors: those of names and sizes.
Result<std::uint64_t> needed_fat_sectors(const FatFormat& format, const FileTree& tree);

}  // namespace flashline::imaging
