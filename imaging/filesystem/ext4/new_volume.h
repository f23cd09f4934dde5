#pragma once
// An empty ext4 file system as mke2fs makes it, but for what would differ from one day to the next.

#include <chrono>
#include <cstdint>
#include <memory>

#include "imaging/core/error.h"
#include "imaging/filesystem/ext4/view_io.h"
#include "imaging/filesystem/make_ext4.h"

struct struct_ext2_filsys;  // libext2fs

namespace flashline::imaging::ext4 {

struct FreeVolume {
  void operator()(struct_ext2_filsys* volume) const noexcept;
};
using Volume = std::unique_ptr<struct_ext2_filsys, FreeVolume>;

/// What a code of libext2fs means: its own reason, or the one that `io` noted. Errors: partition_too_small,
/// ext4_failed, those of the view.
Status status_of(const ViewIo& io, long code, std::string_view what);

/// Bytes of a block. Errors: cluster_size.
Result<std::uint32_t> block_size_of(const Ext4Format& format);
/// Inodes for a volume of `bytes` that holds `entries` files, folders and links.
std::uint32_t inode_count(std::uint64_t bytes, std::uint64_t entries);

/// The stamp in the fields of a superblock or inode: seconds of the years 1970 to 2106. Never 0, which libext2fs takes
/// for "look at the clock".
std::uint32_t stamp_of(std::chrono::sys_seconds time);

/// With its tables, journal and resize inode, and its reserved inodes taken, but without folders.
Result<Volume> new_volume(ViewIo& io, const Ext4Format& format, std::uint64_t entries, std::chrono::sys_seconds time);

}  // namespace flashline::imaging::ext4
