#include "imaging/filesystem/make_fat.h"

#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <set>
#include <spdlog/fmt/fmt.h>
#include <utility>
#include <vector>

#include "imaging/core/errors/filesystem.h"
#include "imaging/core/errors/image.h"
#include "imaging/filesystem/fat/fat_name.h"
#include "imaging/filesystem/fat/fat_stamp.h"
#include "imaging/filesystem/fat/folder.h"
#include "imaging/filesystem/fat/lay_out.h"
#include "imaging/filesystem/fat/new_volume.h"
#include "imaging/filesystem/tree_content.h"

namespace flashline::imaging {
namespace {

using fat::EntryData;
using fat::Geometry;
using fat::Slot;

constexpr std::uint64_t most_folder_slots = 65536;

/// A file's or folder's name in its folder, as it lies on the disk.
struct Name {
  fat::ShortName short_name{};
  std::vector<Slot> long_name;
};

/// One folder with the names of its children, which do not depend on the volume's size.
struct NamedFolder {
  TreeFolder folder;
  std::vector<Name> names;
  std::uint64_t slots = 0;  ///< all entries: names, dots, label
};

Result<Name> name_of(const TreeEntry& entry, std::set<fat::ShortName>& taken) {
  FL_TRY(const std::u16string name, fat::checked_name(entry.name()));
  FL_TRY(const fat::NewName chosen, fat::new_name(name, taken));
  taken.insert(chosen.short_name);
  Name result{chosen.short_name, {}};
  if (chosen.needs_long) result.long_name = fat::long_slots(name, fat::checksum_of(chosen.short_name));
  return result;
}

Status check_entry(const TreeEntry& entry) {
  if (entry.kind == EntryKind::link) return fail(errc::tree_kind, fmt::format("'{}' is a symbolic link", entry.path));
  if (entry.size <= std::numeric_limits<std::uint32_t>::max()) return {};
  return fail(errc::fat_file_too_large, fmt::format("'{}' has {} bytes", entry.path, entry.size));
}

Result<NamedFolder> named(TreeFolder folder, bool root, bool label) {
  NamedFolder result{.folder = std::move(folder), .names = {}, .slots = root ? (label ? 1U : 0U) : 2U};
  std::set<fat::ShortName> taken;
  for (const TreeFolder::Child& child : result.folder.children) {
    FL_CHECK(check_entry(*child.entry));
    auto name = name_of(*child.entry, taken);
    if (!name) return std::unexpected{in_context(child.entry->path, name.error())};
    result.slots += name->long_name.size() + 1;
    result.names.push_back(std::move(*name));
  }
  if (result.slots <= most_folder_slots) return result;
  return fail(errc::fat_folder_full,
              fmt::format("'{}' would have {} entries", result.folder.entry->path, result.slots));
}

Result<std::vector<NamedFolder>> named_folders(const FileTree& tree, const FatFormat& format) {
  std::vector<NamedFolder> result;
  for (TreeFolder& folder : tree.folders()) {
    FL_TRY(NamedFolder next, named(std::move(folder), result.empty(), !format.label.empty()));
    result.push_back(std::move(next));
  }
  return result;
}

std::uint64_t clusters_for(std::uint64_t bytes, std::uint32_t cluster) { return (bytes + cluster - 1) / cluster; }

/// Clusters of a folder; none for a fixed root.
std::uint64_t folder_clusters(const NamedFolder& folder, bool fixed, std::uint32_t cluster) {
  if (fixed) return 0;
  return std::max<std::uint64_t>(1, clusters_for(folder.slots * fat::slot_size, cluster));
}

std::uint64_t needed_clusters(const std::vector<NamedFolder>& folders, const Geometry& g) {
  std::uint64_t sum = 0;
  for (const NamedFolder& folder : folders) {
    const bool fixed = &folder == &folders.front() && g.type != FatType::fat32;
    sum += folder_clusters(folder, fixed, g.cluster_size);
    for (const TreeFolder::Child& child : folder.folder.children)
      sum += clusters_for(child.entry->size, g.cluster_size);
  }
  return sum;
}

/// Contents get clusters one behind the other: folders first, then files, both in the tree's order.
class Filler {
 public:
  Filler(WritableBlockView& view, const Geometry& geometry, std::vector<NamedFolder>& folders, fat::Stamp stamp,
         const fat::ShortName* label)
      : view_{view}, g_{geometry}, folders_{folders}, stamp_{stamp}, label_{label} {}

  Status fill(const FatFormat& format) {
    place();
    FL_CHECK(fat::write_boot_area(view_, g_, format, label_, next_ - fat::first_cluster));
    FL_CHECK(fat::write_table(view_, g_, chains_));
    for (std::size_t i = 0; i < folders_.size(); ++i) FL_CHECK(write_folder(i));
    for (std::size_t i = 0; i < folders_.size(); ++i) FL_CHECK(write_files(i));
    return {};
  }

 private:
  void place() {
    for (std::size_t i = 0; i < folders_.size(); ++i) {
      const bool fixed = i == 0 && g_.type != FatType::fat32;
      folder_at_.push_back(take(folder_clusters(folders_[i], fixed, g_.cluster_size)));
    }
    file_at_.resize(folders_.size());
    for (std::size_t i = 0; i < folders_.size(); ++i) {
      for (const TreeFolder::Child& child : folders_[i].folder.children) {
        file_at_[i].push_back(take(clusters_for(child.entry->size, g_.cluster_size)));
      }
    }
  }

  /// The first of `count` new clusters; 0 for none.
  std::uint32_t take(std::uint64_t count) {
    if (count == 0) return 0;
    chains_.push_back(static_cast<std::uint32_t>(count));
    return std::exchange(next_, next_ + static_cast<std::uint32_t>(count));
  }

  EntryData data_of(std::size_t folder, std::size_t child) const {
    const TreeFolder::Child& entry = folders_[folder].folder.children[child];
    constexpr std::uint32_t kept =
        file_attribute::readonly | file_attribute::hidden | file_attribute::system | file_attribute::archive;
    const auto attributes = static_cast<std::uint8_t>(entry.entry->attributes & kept);
    if (entry.entry->kind == EntryKind::folder) {
      const auto folder_bits = static_cast<std::uint8_t>(attributes | fat::folder_attribute);
      return {.attributes = folder_bits, .cluster = folder_at_[entry.folder], .size = 0, .modified = stamp_};
    }
    const bool plain = entry.entry->attributes == 0;  // nothing known: as if just written
    return {.attributes = plain ? std::uint8_t{fat::archive} : attributes,
            .cluster = file_at_[folder][child],
            .size = static_cast<std::uint32_t>(entry.entry->size),
            .modified = stamp_};
  }

  std::vector<std::byte> start_of(std::size_t index) const {
    if (index > 0) {
      const std::size_t parent = folders_[index].folder.parent;
      // The root folder is called 0 here, whatever its cluster is.
      auto bytes =
          fat::new_folder_bytes(g_.cluster_size, folder_at_[index], parent == 0 ? 0 : folder_at_[parent], stamp_);
      bytes.resize(std::size_t{2} * fat::slot_size);
      return bytes;
    }
    if (label_ == nullptr) return {};
    const Slot slot = fat::new_slot(*label_, {.attributes = fat::volume_label, .modified = stamp_});
    return {slot.begin(), slot.end()};
  }

  Status write_folder(std::size_t index) {
    std::vector<std::byte> bytes = start_of(index);
    const auto append = [&](const Slot& slot) { bytes.insert(bytes.end(), slot.begin(), slot.end()); };
    for (std::size_t i = 0; i < folders_[index].names.size(); ++i) {
      std::ranges::for_each(folders_[index].names[i].long_name, append);
      append(fat::new_slot(folders_[index].names[i].short_name, data_of(index, i)));
    }
    const bool fixed = folder_at_[index] == 0;
    return view_.write(fixed ? g_.root : g_.place_of(folder_at_[index]), bytes);
  }

  Status write_files(std::size_t index) {
    for (std::size_t i = 0; i < folders_[index].names.size(); ++i) {
      const TreeEntry& entry = *folders_[index].folder.children[i].entry;
      if (entry.kind != EntryKind::file) continue;
      ByteOffset at = entry.size == 0 ? g_.data : g_.place_of(file_at_[index][i]);
      FL_CHECK(read_content(entry, [&](std::span<const std::byte> piece) -> Status {
        FL_CHECK(write_sparse(view_, at, piece));
        at.value += piece.size();
        return {};
      }));
    }
    return {};
  }

  WritableBlockView& view_;
  const Geometry& g_;
  std::vector<NamedFolder>& folders_;
  fat::Stamp stamp_;
  const fat::ShortName* label_;
  std::uint32_t next_ = fat::first_cluster;
  std::vector<std::uint32_t> chains_;  ///< lengths of the chains, one behind the other
  std::vector<std::uint32_t> folder_at_;
  std::vector<std::vector<std::uint32_t>> file_at_;
};

Result<Geometry> fitting(const FatFormat& format, std::uint64_t sectors, const std::vector<NamedFolder>& folders) {
  FL_TRY(Geometry g, fat::lay_out(format, sectors, folders.front().slots));
  const std::uint64_t needed = needed_clusters(folders, g);
  if (needed <= g.clusters) return g;
  return fail(errc::partition_too_small, fmt::format("{} clusters of {} bytes are needed, the {} sectors hold {}",
                                                     needed, g.cluster_size, sectors, g.clusters));
}

bool more_helps(const Error& error) {
  return error.code == errc::partition_too_small || error.code == errc::fat32_too_small;
}

}  // namespace

Status make_fat(WritableBlockView& partition, const FatFormat& format, const FileTree& tree,
                std::chrono::sys_seconds time) {
  FL_TRY(const auto label, fat::label_field(format.label));
  FL_TRY(auto folders, named_folders(tree, format));
  if (format.sector_size == 0) return fail(errc::cluster_size, "sectors of 0 bytes");
  FL_TRY(const Geometry g, fitting(format, partition.size().value / format.sector_size, folders));
  return Filler{partition, g, folders, fat::stamp_of(time), label ? &*label : nullptr}.fill(format);
}

Result<std::uint64_t> needed_fat_sectors(const FatFormat& format, const FileTree& tree) {
  FL_TRY(const auto folders, named_folders(tree, format));
  std::uint64_t low = 0;
  std::uint64_t high = 16;
  for (;; high *= 2) {
    const auto fits = fitting(format, high, folders);
    if (fits) break;
    if (!more_helps(fits.error())) return std::unexpected{fits.error()};
    low = high;
  }
  while (high - low > 1) {
    const std::uint64_t middle = low + (high - low) / 2;
    (fitting(format, middle, folders) ? high : low) = middle;
  }
  return high;
}

}  // namespace flashline::imaging
