#pragma once
// An NTFS file system: formatted by mkntfs, filled by wimlib-imagex, both with the clock held still.

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>

#include "imaging/core/block_view.h"
#include "imaging/core/error.h"
#include "imaging/filesystem/file_tree.h"

namespace flashline::imaging {

struct NtfsFormat {
  std::uint32_t sector_size = 512;     ///< bytes
  std::uint32_t cluster_size = 0;      ///< bytes, 512 to 65536; 0: 4096
  std::uint64_t first_sector = 0;      ///< of the partition on its disk: "hidden sectors"
  std::string label{};                 ///< at most 32 characters
  std::uint64_t serial = 0;            ///< of the volume: gets its own for each partition
  std::filesystem::path scratch{};     ///< folder for files as large as the tree and as the file system (sparse)
  std::chrono::seconds timeout{3600};  ///< for each program that is run
};

/// Formats `partition` and copies `tree` into it; every stamp becomes `time`. `partition` reads as zeros before.
/// Nothing stays in `scratch`. Errors: partition_too_small, cluster_size, volume_label, tree_kind (links), tree_name,
/// content_changed, program_missing, program_failed, program_timeout, image_open, image_read, image_write.
Status make_ntfs(WritableBlockView& partition, const NtfsFormat& format, const FileTree& tree,
                 std::chrono::sys_seconds time);

/// Sectors of `format.sector_size` that are enough for `tree`: content clusters, records, indexes, the system's own
/// files. Errors: cluster_size.
Result<std::uint64_t> needed_ntfs_sectors(const NtfsFormat& format, const FileTree& tree);

}  // namespace flashline::imaging
