#pragma once
// The files and folders of a tree, put into an empty ext4 file system.

#include <chrono>

#include "imaging/core/error.h"
#include "imaging/filesystem/ext4/new_volume.h"
#include "imaging/filesystem/file_tree.h"

namespace flashline::imaging::ext4 {

/// Contents go straight into the view, one behind the other; folders are written whole, so that their size does not
/// matter. Errors: partition_too_small, tree_name, ext4_failed, those of contents and the view.
Status fill(ViewIo& io, struct_ext2_filsys* volume, const FileTree& tree, std::chrono::sys_seconds time);

/// Bytes that a folder's entries take in blocks of `block_size` bytes, blocks counted whole.
std::uint64_t folder_bytes(const TreeFolder& folder, bool root, std::uint32_t block_size);

}  // namespace flashline::imaging::ext4
