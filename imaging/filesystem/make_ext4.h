#pragma once
// An ext4 file system, formatted and filled in one pass, straight into the image.

#include <chrono>
#include <cstdint>
#include <string>

#include "imaging/core/block_view.h"
#include "imaging/core/error.h"
#include "imaging/filesystem/file_tree.h"

namespace flashline::imaging {

struct Ext4Format {
  std::uint32_t block_size = 0;  ///< bytes: 1024, 2048 or 4096 (a layout's ClusterSize); 0: 4096
  std::string label{};           ///< at most 16 bytes
  std::string seed{};            ///< UUID and hash seed are made of it: product, partition, version
};

/// Formats `partition` (with a journal where there is room for one) and copies `tree` into it; every stamp becomes
/// `time`. `partition` reads as zeros before. What has no UnixFacts belongs to root, and is 0755 when it is a folder,
/// an ELF file or a script (`#!`), else 0644.
/// Errors: partition_too_small, cluster_size, volume_label, ext4_failed, tree_name (more than 255 bytes),
/// content_changed, image_open, image_read, image_write.
Status make_ext4(WritableBlockView& partition, const Ext4Format& format, const FileTree& tree,
                 std::chrono::sys_seconds time);

/// Sectors of `sector_size` bytes that are enough for `tree`: contents, tables, journal. Errors: cluster_size.
Result<std::uint64_t> needed_ext4_sectors(const Ext4Format& format, const FileTree& tree, std::uint32_t sector_size);

}  // namespace flashline::imaging
