#include "imaging/filesystem/make_ext4.h"

#include <algorithm>
#include <ext2fs/ext2fs.h>

#include "imaging/filesystem/ext4/fill.h"
#include "imaging/filesystem/ext4/new_volume.h"

namespace flashline::imaging {
namespace {

constexpr std::uint64_t inode_size = 256;
constexpr std::uint64_t descriptor_size = 64;
/// Blocks that libext2fs wants of a last group beyond its tables, and what lies between rounding and truth.
constexpr std::uint64_t spare_blocks = 96;

std::uint64_t divided(std::uint64_t value, std::uint64_t by) { return (value + by - 1) / by; }

bool is_power(std::uint64_t value, std::uint64_t base) {
  while (value > 1 && value % base == 0) value /= base;
  return value == 1;
}

/// Groups that carry a copy of superblock and descriptors.
std::uint64_t copies_in(std::uint64_t groups) {
  std::uint64_t count = 0;
  for (std::uint64_t group = 0; group < groups; ++group) {
    if (group < 2 || is_power(group, 3) || is_power(group, 5) || is_power(group, 7)) ++count;
  }
  return count;
}

/// Blocks of everything that is no content on a volume of `blocks`.
std::uint64_t reserve_of(std::uint64_t blocks, std::uint64_t block_size, std::uint64_t entries) {
  const std::uint64_t groups = divided(blocks, block_size * 8);
  const std::uint64_t inodes = ext4::inode_count(blocks * block_size, entries);
  const std::uint64_t tables = groups * (divided(divided(inodes, groups) + 8, block_size / inode_size) + 1);
  const std::uint64_t descriptors = divided(groups * descriptor_size, block_size);
  const std::uint64_t growth = std::min(block_size / 4, divided(groups * 1024 * descriptor_size, block_size));
  const auto journal = static_cast<std::uint64_t>(std::max(0, ext2fs_default_journal_size(blocks)));
  const std::uint64_t head = 1 + descriptors + growth;
  // One group more than there are copies: a short last group is left unused.
  return tables + 2 * groups + (copies_in(groups) + 1) * head + divided(tables, groups) + journal + journal / 256 +
         spare_blocks;
}

std::uint64_t content_blocks(const FileTree& tree, std::uint32_t block_size) {
  std::uint64_t blocks = 0;
  std::uint64_t extents = 0;
  for (const TreeFolder& folder : tree.folders()) {
    blocks += ext4::folder_bytes(folder, folder.entry->path.empty(), block_size) / block_size;
    for (const TreeFolder::Child& child : folder.children) {
      const std::uint64_t bytes = child.entry->kind == EntryKind::link ? child.entry->target.size() : child.entry->size;
      blocks += divided(bytes, block_size);
      // A file in more than four pieces has blocks that list them; pieces end where groups do.
      if (bytes > std::uint64_t{block_size} * block_size * 8)
        extents += 2 + bytes / (std::uint64_t{block_size} << 15U) / 64;
    }
  }
  return blocks + extents;
}

}  // namespace

Status make_ext4(WritableBlockView& partition, const Ext4Format& format, const FileTree& tree,
                 std::chrono::sys_seconds time) {
  ext4::ViewIo io{partition};
  FL_TRY(ext4::Volume volume, ext4::new_volume(io, format, tree.entries().size(), time));
  FL_CHECK(ext4::fill(io, volume.get(), tree, time));
  ext2_filsys fs = volume.release();  // closing frees it, whatever comes of it
  FL_CHECK(ext4::status_of(io, ext2fs_close_free(&fs), "tables"));
  return io.failure;
}

Result<std::uint64_t> needed_ext4_sectors(const Ext4Format& format, const FileTree& tree, std::uint32_t sector_size) {
  FL_TRY(const std::uint32_t block_size, ext4::block_size_of(format));
  const std::uint64_t content = content_blocks(tree, block_size);
  std::uint64_t blocks = content + spare_blocks;
  for (std::uint64_t wanted = 0; (wanted = content + reserve_of(blocks, block_size, tree.entries().size())) > blocks;) {
    blocks = wanted;
  }
  return divided(blocks * block_size, sector_size);
}

}  // namespace flashline::imaging
