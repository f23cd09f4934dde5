#include "imaging/filesystem/ext4/new_volume.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <ext2fs/ext2fs.h>
#include <limits>
#include <spdlog/fmt/fmt.h>
#include <string>

#include "imaging/core/digest.h"
#include "imaging/core/errors/filesystem.h"

namespace flashline::imaging::ext4 {
namespace {

constexpr std::uint32_t inode_size = 256;
constexpr std::uint32_t bytes_per_inode = 16384;
constexpr std::uint32_t spare_inodes = 64;
constexpr std::uint32_t reserved_percent = 5;
constexpr std::size_t most_label = 16;

/// 16 bytes that only depend on what they are for and the seed.
template <std::size_t N>
void derive(std::uint8_t (&out)[N], std::string_view purpose, const std::string& seed) {
  const std::string text = fmt::format("flashline ext4 {} {}", purpose, seed);
  const Sha256 digest = sha256(std::as_bytes(std::span{text}));
  std::memcpy(out, digest.data(), N);
}

ext2_super_block parameters(const Ext4Format& format, std::uint32_t block_size, std::uint64_t bytes,
                            std::uint64_t entries) {
  ext2_super_block super{};
  const std::uint64_t blocks = bytes / block_size;
  super.s_log_block_size = static_cast<std::uint32_t>(std::countr_zero(block_size)) - 10U;
  ext2fs_blocks_count_set(&super, blocks);
  ext2fs_r_blocks_count_set(&super, blocks * reserved_percent / 100);
  super.s_inodes_count = inode_count(bytes, entries);
  super.s_rev_level = EXT2_DYNAMIC_REV;
  super.s_inode_size = inode_size;
  super.s_feature_compat =
      EXT2_FEATURE_COMPAT_EXT_ATTR | EXT2_FEATURE_COMPAT_RESIZE_INODE | EXT2_FEATURE_COMPAT_DIR_INDEX;
  super.s_feature_incompat = EXT2_FEATURE_INCOMPAT_FILETYPE | EXT3_FEATURE_INCOMPAT_EXTENTS |
                             EXT4_FEATURE_INCOMPAT_64BIT | EXT4_FEATURE_INCOMPAT_FLEX_BG;
  super.s_feature_ro_compat = EXT2_FEATURE_RO_COMPAT_SPARSE_SUPER | EXT2_FEATURE_RO_COMPAT_LARGE_FILE |
                              EXT4_FEATURE_RO_COMPAT_HUGE_FILE | EXT4_FEATURE_RO_COMPAT_DIR_NLINK |
                              EXT4_FEATURE_RO_COMPAT_EXTRA_ISIZE | EXT4_FEATURE_RO_COMPAT_METADATA_CSUM;
  super.s_log_groups_per_flex = 4;
  super.s_desc_size = EXT2_MIN_DESC_SIZE_64BIT;
  std::ranges::copy(format.label, super.s_volume_name);
  return super;
}

void set_identity(ext2_filsys fs, const Ext4Format& format, std::uint32_t stamp) {
  ext2_super_block& super = *fs->super;
  derive(super.s_uuid, "uuid", format.seed);
  super.s_uuid[6] = static_cast<std::uint8_t>((super.s_uuid[6] & 0x0FU) | 0x40U);
  super.s_uuid[8] = static_cast<std::uint8_t>((super.s_uuid[8] & 0x3FU) | 0x80U);
  std::uint8_t seed[16];
  derive(seed, "hash seed", format.seed);
  std::memcpy(super.s_hash_seed, seed, sizeof seed);
  std::ranges::copy(format.label, super.s_volume_name);
  super.s_def_hash_version = EXT2_HASH_HALF_MD4;
  super.s_flags |= EXT2_FLAGS_SIGNED_HASH;
  super.s_default_mount_opts = EXT2_DEFM_XATTR_USER | EXT2_DEFM_ACL;
  super.s_min_extra_isize = super.s_want_extra_isize = sizeof(ext2_inode_large) - EXT2_GOOD_OLD_INODE_SIZE;
  super.s_max_mnt_count = -1;
  super.s_mkfs_time = super.s_lastcheck = stamp;
  super.s_checksum_type = EXT2_CRC32C_CHKSUM;
  ext2fs_init_csum_seed(fs);
}

/// The tables are zeros because the image is: no kernel has to do that later.
void mark_tables_zeroed(ext2_filsys fs) {
  for (dgrp_t group = 0; group < fs->group_desc_count; ++group) {
    ext2fs_bg_flags_set(fs, group, EXT2_BG_INODE_ZEROED);
    // Groups that nothing is put into keep this checksum; the one they had was made before there was a UUID.
    ext2fs_group_desc_csum_set(fs, group);
  }
}

Status add_journal(const ViewIo& io, ext2_filsys fs) {
  const int blocks = ext2fs_default_journal_size(ext2fs_blocks_count(fs->super));
  if (blocks <= 0) return {};
  return status_of(
      io,
      ext2fs_add_journal_inode(fs, static_cast<blk_t>(blocks), EXT2_MKJOURNAL_LAZYINIT | EXT2_MKJOURNAL_NO_MNT_CHECK),
      "journal");
}

}  // namespace

void FreeVolume::operator()(struct_ext2_filsys* volume) const noexcept { ext2fs_free(volume); }

Status status_of(const ViewIo& io, long code, std::string_view what) {
  if (code == 0) return {};
  if (!io.failure) return io.failure;
  const bool full = code == EXT2_ET_BLOCK_ALLOC_FAIL || code == EXT2_ET_INODE_ALLOC_FAIL || code == EXT2_ET_TOOSMALL ||
                    code == ENOSPC || code == EXT2_ET_TOO_MANY_INODES;
  initialize_ext2_error_table();
  return fail(full ? errc::partition_too_small : errc::ext4_failed, fmt::format("{}: {}", what, error_message(code)));
}

Result<std::uint32_t> block_size_of(const Ext4Format& format) {
  if (format.block_size == 0) return std::uint32_t{4096};
  if (std::has_single_bit(format.block_size) && format.block_size >= 1024 && format.block_size <= 4096) {
    return format.block_size;
  }
  return fail(errc::cluster_size,
              fmt::format("ext4 has blocks of 1024, 2048 or 4096 bytes, not of {}", format.block_size));
}

std::uint32_t inode_count(std::uint64_t bytes, std::uint64_t entries) {
  const std::uint64_t count = std::max(bytes / bytes_per_inode, entries + entries / 4 + spare_inodes);
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(count, std::numeric_limits<std::int32_t>::max()));
}

std::uint32_t stamp_of(std::chrono::sys_seconds time) {
  return static_cast<std::uint32_t>(
      std::clamp<std::int64_t>(time.time_since_epoch().count(), 1, std::numeric_limits<std::uint32_t>::max()));
}

Result<Volume> new_volume(ViewIo& io, const Ext4Format& format, std::uint64_t entries, std::chrono::sys_seconds time) {
  if (format.label.size() > most_label) {
    return fail(errc::volume_label, fmt::format("'{}' has more than {} bytes", format.label, most_label));
  }
  FL_TRY(const std::uint32_t block_size, block_size_of(format));
  ext2_super_block super = parameters(format, block_size, io.view.size().value, entries);
  ext2_filsys fs = nullptr;
  FL_CHECK(status_of(io, ext2fs_initialize("image", EXT2_FLAG_64BITS, &super, manager_for(io), &fs), "format"));
  Volume volume{fs};
  fs->now = static_cast<time_t>(stamp_of(time));
  set_identity(fs, format, stamp_of(time));
  FL_CHECK(status_of(io, ext2fs_allocate_tables(fs), "tables"));
  mark_tables_zeroed(fs);
  for (ext2_ino_t ino = 1; ino < EXT2_FIRST_INODE(fs->super); ++ino) {
    ext2fs_inode_alloc_stats2(fs, ino, +1, ino == EXT2_ROOT_INO ? 1 : 0);
  }
  FL_CHECK(status_of(io, ext2fs_create_resize_inode(fs), "resize inode"));
  FL_CHECK(add_journal(io, fs));
  return volume;
}

}  // namespace flashline::imaging::ext4
