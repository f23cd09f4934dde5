#include "imaging/filesystem/ext4/fill.h"

#include <algorithm>
#include <cstring>
#include <ext2fs/ext2fs.h>
#include <optional>
#include <spdlog/fmt/fmt.h>
#include <sys/stat.h>
#include <utility>
#include <vector>

#include "imaging/core/errors/filesystem.h"
#include "imaging/core/little_endian.h"
#include "imaging/filesystem/tree_content.h"

namespace flashline::imaging::ext4 {
namespace {

constexpr std::size_t most_name = 255;
constexpr std::size_t entry_head = 8;
constexpr std::size_t checksum_tail = 12;
constexpr std::size_t most_inside = 60;  ///< a link's target up to here lies in its inode
constexpr std::uint64_t most_extent = 32768;
constexpr std::uint32_t most_links = 65000;
constexpr std::uint64_t lost_and_found_bytes = 16384;
constexpr const char* lost_and_found = "lost+found";

struct Extent {
  std::uint64_t logical = 0, start = 0, count = 0;
};

/// A folder's entries while they are packed into blocks.
class FolderBlocks {
 public:
  explicit FolderBlocks(std::size_t block_size) : block_size_{block_size} {}

  void add(std::string_view name, std::uint32_t ino, std::uint8_t type) {
    const std::size_t length = (entry_head + name.size() + 3) / 4 * 4;
    if (bytes_.empty() || at_ + length > room()) begin_block();
    const auto entry = std::span{bytes_}.last(block_size_).subspan(at_);
    store32(entry, ino);
    store16(entry.subspan(4), static_cast<std::uint32_t>(room() - at_));  // up to the end, until one follows
    entry[6] = static_cast<std::byte>(name.size());
    entry[7] = std::byte{type};
    std::memcpy(entry.data() + entry_head, name.data(), name.size());
    if (at_ > 0)
      store16(std::span{bytes_}.last(block_size_).subspan(last_ + 4), static_cast<std::uint32_t>(at_ - last_));
    last_ = std::exchange(at_, at_ + length);
  }
  /// Blocks without a name, for later.
  void pad(std::size_t bytes) {
    while (bytes_.size() < bytes) {
      begin_block();
      store16(std::span{bytes_}.last(block_size_).subspan(4), static_cast<std::uint32_t>(room()));
    }
  }
  std::vector<std::byte>& bytes() { return bytes_; }

 private:
  std::size_t room() const { return block_size_ - checksum_tail; }
  void begin_block() {
    bytes_.resize(bytes_.size() + block_size_);
    at_ = last_ = 0;
  }
  std::size_t block_size_;
  std::vector<std::byte> bytes_;
  std::size_t at_ = 0;    ///< in the last block: where the next entry goes
  std::size_t last_ = 0;  ///< and where the one before it lies
};

std::uint8_t type_of(EntryKind kind) {
  return kind == EntryKind::folder ? EXT2_FT_DIR : kind == EntryKind::link ? EXT2_FT_SYMLINK : EXT2_FT_REG_FILE;
}

/// Packages know no permissions: programs are told by how they begin.
Result<std::uint32_t> usual_mode(const TreeEntry& entry) {
  if (entry.kind == EntryKind::folder) return 0755U;
  if (entry.kind == EntryKind::link) return 0777U;
  FL_TRY(const auto start, content_start(entry, 4));
  const std::string_view text{reinterpret_cast<const char*>(start.data()), start.size()};
  return text.starts_with("#!") || text ==
                                       "\x7F"
                                       "ELF"
             ? 0755U
             : 0644U;
}

class Filler {
 public:
  Filler(ViewIo& io, ext2_filsys fs, const FileTree& tree, std::chrono::sys_seconds time)
      : io_{io},
        fs_{fs},
        stamp_{stamp_of(time)},
        folders_{tree.folders()},
        next_block_{fs->super->s_first_data_block} {}

  Status run() {
    number();
    for (std::size_t i = 0; i < folders_.size(); ++i) FL_CHECK(write_folder(i));
    if (!own_lost_and_found_) FL_CHECK(write_lost_and_found());
    for (std::size_t i = 0; i < folders_.size(); ++i) {
      for (std::size_t k = 0; k < folders_[i].children.size(); ++k) FL_CHECK(write_child(i, k));
    }
    return {};
  }

 private:
  void number() {
    own_lost_and_found_ = std::ranges::any_of(folders_.front().children,
                                              [](const auto& child) { return child.entry->name() == lost_and_found; });
    std::uint32_t next = EXT2_FIRST_INODE(fs_->super) + (own_lost_and_found_ ? 0 : 1);
    folder_inodes_.assign(folders_.size(), EXT2_ROOT_INO);
    for (const TreeFolder& folder : folders_) {
      first_child_.push_back(next);
      for (const TreeFolder::Child& child : folder.children) {
        if (child.entry->kind == EntryKind::folder) folder_inodes_[child.folder] = next;
        ++next;
      }
    }
  }

  Status write_folder(std::size_t index) {
    const TreeFolder& folder = folders_[index];
    FolderBlocks blocks{fs_->blocksize};
    blocks.add(".", folder_inodes_[index], EXT2_FT_DIR);
    blocks.add("..", folder_inodes_[folder.parent], EXT2_FT_DIR);
    std::uint32_t links = 2;
    if (index == 0 && !own_lost_and_found_) {
      blocks.add(lost_and_found, EXT2_FIRST_INODE(fs_->super), EXT2_FT_DIR);
      ++links;
    }
    for (std::size_t k = 0; k < folder.children.size(); ++k) {
      const TreeEntry& entry = *folder.children[k].entry;
      const std::string_view name = entry.name();
      if (name.size() > most_name)
        return fail(errc::tree_name, fmt::format("'{}' has more than 255 bytes", entry.path));
      blocks.add(name, first_child_[index] + static_cast<std::uint32_t>(k), type_of(entry.kind));
      if (entry.kind == EntryKind::folder) ++links;
    }
    FL_TRY(ext2_inode_large inode, inode_of(*folder.entry));
    inode.i_links_count = static_cast<std::uint16_t>(links > most_links ? 1 : links);  // 1: more than can be counted
    return store_folder(folder_inodes_[index], inode, blocks.bytes());
  }

  Status write_lost_and_found() {
    FolderBlocks blocks{fs_->blocksize};
    blocks.add(".", EXT2_FIRST_INODE(fs_->super), EXT2_FT_DIR);
    blocks.add("..", EXT2_ROOT_INO, EXT2_FT_DIR);
    blocks.pad(lost_and_found_bytes);
    const TreeEntry entry{.kind = EntryKind::folder, .path = lost_and_found, .unix_facts = UnixFacts{.mode = 0700}};
    FL_TRY(ext2_inode_large inode, inode_of(entry));
    inode.i_links_count = 2;
    return store_folder(EXT2_FIRST_INODE(fs_->super), inode, blocks.bytes());
  }

  Status store_folder(std::uint32_t ino, ext2_inode_large& inode, std::vector<std::byte>& bytes) {
    take_inode(ino, true);
    FL_TRY(const auto extents, allocate(ino, inode, bytes.size()));
    for (const Extent& extent : extents) {
      for (std::uint64_t i = 0; i < extent.count; ++i) {
        std::byte* const block = bytes.data() + (extent.logical + i) * fs_->blocksize;
        ext2fs_initialize_dirent_tail(fs_, EXT2_DIRENT_TAIL(block, fs_->blocksize));
        FL_CHECK(ok(ext2fs_write_dir_block4(fs_, extent.start + i, block, 0, ino), "folder"));
      }
    }
    return store_inode(ino, inode);
  }

  Status write_child(std::size_t folder, std::size_t child) {
    const TreeEntry& entry = *folders_[folder].children[child].entry;
    const std::uint32_t ino = first_child_[folder] + static_cast<std::uint32_t>(child);
    if (entry.kind == EntryKind::folder) return {};
    take_inode(ino, false);
    FL_TRY(ext2_inode_large inode, inode_of(entry));
    inode.i_links_count = 1;
    FL_CHECK(entry.kind == EntryKind::link ? write_link(ino, inode, entry) : write_file(ino, inode, entry));
    return store_inode(ino, inode);
  }

  Status write_link(std::uint32_t ino, ext2_inode_large& inode, const TreeEntry& entry) {
    const std::string& target = entry.target;
    if (target.empty() || target.size() >= fs_->blocksize) {
      return fail(errc::tree_name, fmt::format("'{}' is a link to {} bytes", entry.path, target.size()));
    }
    if (target.size() < most_inside) {
      std::memcpy(inode.i_block, target.data(), target.size());
      inode.i_size = static_cast<std::uint32_t>(target.size());
      return {};
    }
    FL_TRY(const auto extents, allocate(ino, inode, target.size()));
    return io_.view.write(place(extents.front().start), std::as_bytes(std::span{target}));
  }

  Status write_file(std::uint32_t ino, ext2_inode_large& inode, const TreeEntry& entry) {
    FL_TRY(const auto extents, allocate(ino, inode, entry.size));
    std::size_t index = 0;
    std::uint64_t inside = 0;  // bytes of extents[index] that are written
    return read_content(entry, [&](std::span<const std::byte> piece) -> Status {
      while (!piece.empty()) {
        const std::uint64_t left = extents[index].count * fs_->blocksize - inside;
        const auto part = piece.first(static_cast<std::size_t>(std::min<std::uint64_t>(left, piece.size())));
        FL_CHECK(write_sparse(io_.view, ByteOffset{place(extents[index].start).value + inside}, part));
        piece = piece.subspan(part.size());
        inside += part.size();
        if (inside == extents[index].count * fs_->blocksize) ++index, inside = 0;
      }
      return {};
    });
  }

  Result<ext2_inode_large> inode_of(const TreeEntry& entry) const {
    ext2_inode_large inode{};
    UnixFacts facts;
    if (entry.unix_facts) facts = *entry.unix_facts;
    if (!entry.unix_facts) {
      FL_TRY(facts.mode, usual_mode(entry));
    }
    const std::uint32_t type = entry.kind == EntryKind::folder ? S_IFDIR
                               : entry.kind == EntryKind::link ? S_IFLNK
                                                               : S_IFREG;
    inode.i_mode = static_cast<std::uint16_t>(type | (facts.mode & 07777U));
    inode.i_uid = static_cast<std::uint16_t>(facts.uid & 0xFFFFU);
    inode.i_uid_high = static_cast<std::uint16_t>(facts.uid >> 16U);
    inode.i_gid = static_cast<std::uint16_t>(facts.gid & 0xFFFFU);
    inode.i_gid_high = static_cast<std::uint16_t>(facts.gid >> 16U);
    inode.i_atime = inode.i_ctime = inode.i_mtime = inode.i_crtime = stamp_;
    // The fields are signed: from 2038 on the second 2^32 seconds count.
    const std::uint32_t epoch = stamp_ >> 31U;
    inode.i_atime_extra = inode.i_ctime_extra = inode.i_mtime_extra = inode.i_crtime_extra = epoch;
    inode.i_extra_isize = sizeof(ext2_inode_large) - EXT2_GOOD_OLD_INODE_SIZE;
    return inode;
  }

  /// The next free blocks, at most `count` in one piece. Errors: partition_too_small.
  Result<Extent> take_blocks(std::uint64_t count) {
    const std::uint64_t last = ext2fs_blocks_count(fs_->super) - 1;
    blk64_t start = 0;
    if (next_block_ > last || ext2fs_find_first_zero_block_bitmap2(fs_->block_map, next_block_, last, &start) != 0) {
      return fail(errc::partition_too_small,
                  fmt::format("all {} blocks of {} bytes are in use", last + 1, fs_->blocksize));
    }
    const std::uint64_t wanted_end = std::min<std::uint64_t>(start + std::min(count, most_extent), last + 1);
    blk64_t end = wanted_end;
    if (ext2fs_find_first_set_block_bitmap2(fs_->block_map, start, wanted_end - 1, &end) != 0) end = wanted_end;
    ext2fs_block_alloc_stats_range(fs_, start, static_cast<blk_t>(end - start), +1);
    next_block_ = end;
    return Extent{.logical = 0, .start = start, .count = end - start};
  }

  /// Blocks for `bytes`, noted in `inode`.
  Result<std::vector<Extent>> allocate(std::uint32_t ino, ext2_inode_large& inode, std::uint64_t bytes) {
    std::vector<Extent> extents;
    const std::uint64_t blocks = (bytes + fs_->blocksize - 1) / fs_->blocksize;
    for (std::uint64_t logical = 0; logical < blocks; logical += extents.back().count) {
      FL_TRY(Extent extent, take_blocks(blocks - logical));
      extent.logical = logical;
      extents.push_back(extent);
    }
    ext2_inode* const head = reinterpret_cast<ext2_inode*>(&inode);
    FL_CHECK(ok(ext2fs_inode_size_set(fs_, head, static_cast<ext2_off64_t>(bytes)), "size of a file"));
    FL_CHECK(ok(ext2fs_iblk_set(fs_, head, blocks), "blocks of a file"));
    FL_CHECK(note_extents(ino, head, extents));
    return extents;
  }

  Status note_extents(std::uint32_t ino, ext2_inode* inode, const std::vector<Extent>& extents) {
    ext2_extent_handle_t handle = nullptr;
    FL_CHECK(ok(ext2fs_extent_open2(fs_, ino, inode, &handle), "extents"));
    errcode_t code = 0;
    for (const Extent& extent : extents) {
      ext2fs_extent entry{};
      entry.e_lblk = extent.logical;
      entry.e_pblk = extent.start;
      entry.e_len = static_cast<std::uint32_t>(extent.count);
      code = ext2fs_extent_insert(handle, EXT2_EXTENT_INSERT_AFTER, &entry);
      if (code != 0) break;
    }
    ext2fs_extent_free(handle);
    return ok(code, "extents");
  }

  void take_inode(std::uint32_t ino, bool folder) {
    if (ino != EXT2_ROOT_INO) ext2fs_inode_alloc_stats2(fs_, ino, +1, folder ? 1 : 0);
  }
  Status store_inode(std::uint32_t ino, ext2_inode_large& inode) {
    return ok(ext2fs_write_inode_full(fs_, ino, reinterpret_cast<ext2_inode*>(&inode), sizeof inode), "inode");
  }
  Status ok(errcode_t code, std::string_view what) const { return status_of(io_, code, what); }
  ByteOffset place(std::uint64_t block) const { return ByteOffset{block * fs_->blocksize}; }

  ViewIo& io_;
  ext2_filsys fs_;
  std::uint32_t stamp_;
  std::vector<TreeFolder> folders_;
  std::vector<std::uint32_t> folder_inodes_;
  std::vector<std::uint32_t> first_child_;  ///< inode of a folder's first child; the others follow
  bool own_lost_and_found_ = false;
  std::uint64_t next_block_;
};

}  // namespace

Status fill(ViewIo& io, struct_ext2_filsys* volume, const FileTree& tree, std::chrono::sys_seconds time) {
  return Filler{io, volume, tree, time}.run();
}

std::uint64_t folder_bytes(const TreeFolder& folder, bool root, std::uint32_t block_size) {
  FolderBlocks blocks{block_size};
  blocks.add(".", 1, EXT2_FT_DIR);
  blocks.add("..", 1, EXT2_FT_DIR);
  if (root) blocks.add(lost_and_found, 1, EXT2_FT_DIR);
  for (const TreeFolder::Child& child : folder.children) blocks.add(child.entry->name().substr(0, most_name), 1, 1);
  return blocks.bytes().size() + (root ? lost_and_found_bytes : 0);
}

}  // namespace flashline::imaging::ext4
