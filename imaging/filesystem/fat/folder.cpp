#include "imaging/filesystem/fat/folder.h"

#include <algorithm>

#include "imaging/core/errors/image.h"
#include "imaging/core/little_endian.h"
#include "imaging/core/unicode.h"

namespace flashline::imaging::fat {
namespace {

constexpr std::byte unused_mark{0x00};
constexpr std::byte deleted_mark{0xE5};
constexpr std::size_t most_slots = 65536;

ShortName short_name_in(std::span<const std::byte> slot) {
  ShortName name;
  for (std::size_t i = 0; i < name.size(); ++i) name[i] = static_cast<char>(slot[i]);
  return name;
}

EntryData data_in(std::span<const std::byte> slot) {
  return {.attributes = std::to_integer<std::uint8_t>(slot[11]),
          .cluster = load16(slot.subspan(20)) << 16U | load16(slot.subspan(26)),
          .size = load32(slot.subspan(28)),
          .modified = {.date = static_cast<std::uint16_t>(load16(slot.subspan(24))),
                       .time = static_cast<std::uint16_t>(load16(slot.subspan(22)))}};
}

/// Everything but the name and the time of creation.
void put_data(std::span<std::byte> slot, const EntryData& data) {
  slot[11] = std::byte{data.attributes};
  store16(slot.subspan(18), data.modified.date);
  store16(slot.subspan(20), data.cluster >> 16U);
  store16(slot.subspan(22), data.modified.time);
  store16(slot.subspan(24), data.modified.date);
  store16(slot.subspan(26), data.cluster & 0xFFFFU);
  store32(slot.subspan(28), data.size);
}

bool is_long_name(std::span<const std::byte> slot) {
  return (std::to_integer<unsigned>(slot[11]) & 0x3FU) == long_name_mark;
}

ShortName dots(std::size_t count) {
  ShortName name;
  name.fill(' ');
  std::fill_n(name.begin(), count, '.');
  return name;
}

}  // namespace

Result<Folder> Folder::open_root(WritableBlockView& view, FatTable& table, const Geometry& geometry) {
  Folder root{view, table, geometry};
  if (geometry.type == FatType::fat32) {
    FL_CHECK(root.load_chain(geometry.root_cluster));
  } else {
    root.bytes_.resize(std::size_t{geometry.root_slots} * slot_size);
  }
  FL_CHECK(root.load());
  return root;
}

Result<Folder> Folder::open(WritableBlockView& view, FatTable& table, const Geometry& geometry, std::uint32_t cluster) {
  Folder folder{view, table, geometry};
  folder.number_ = cluster;
  FL_CHECK(folder.load_chain(cluster));
  FL_CHECK(folder.load());
  return folder;
}

Status Folder::load_chain(std::uint32_t cluster) {
  const std::uint64_t most_clusters = std::max<std::uint64_t>(1, most_slots * slot_size / geometry_->cluster_size);
  FL_TRY(clusters_, table_->chain(cluster, most_clusters));
  if (clusters_.empty()) return fail(errc::fat_damaged, "a folder begins at cluster " + std::to_string(cluster));
  bytes_.resize(clusters_.size() * geometry_->cluster_size);
  return {};
}

Status Folder::load() {
  if (clusters_.empty()) {
    FL_CHECK(view_->read(geometry_->root, bytes_));
  }
  for (std::size_t i = 0; i < clusters_.size(); ++i) {
    const auto piece = std::span{bytes_}.subspan(i * geometry_->cluster_size, geometry_->cluster_size);
    FL_CHECK(view_->read(geometry_->place_of(clusters_[i]), piece));
  }
  read_entries();
  return {};
}

void Folder::read_entries() {
  entries_.clear();
  LongNameReader long_name;
  std::size_t name_slots = 0;
  for (end_ = 0; end_ < slots() && slot(end_)[0] != unused_mark; ++end_) {
    const auto bytes = slot(end_);
    if (bytes[0] == deleted_mark) {
      long_name.drop();
      name_slots = 0;
      continue;
    }
    if (is_long_name(bytes)) {
      // 0x40 marks a name's first entry: whatever stood before it belongs to nobody.
      name_slots = (std::to_integer<unsigned>(bytes[0]) & 0x40U) != 0 ? 1 : name_slots + 1;
      long_name.take(bytes);
      continue;
    }
    Entry entry{
        .name = {}, .short_name = short_name_in(bytes), .data = data_in(bytes), .first_slot = end_, .slot = end_};
    if (geometry_->type != FatType::fat32) entry.data.cluster &= 0xFFFFU;
    auto name = long_name.finish(entry.short_name);
    if (name) entry.first_slot = end_ - name_slots;
    entry.name = name ? std::move(*name) : shown_name(entry.short_name, std::to_integer<std::uint8_t>(bytes[12]));
    name_slots = 0;
    if (entry.short_name[0] != '.') entries_.push_back(std::move(entry));
  }
}

const Entry* Folder::find(std::u16string_view name) const {
  const auto found = std::ranges::find_if(entries_, [&](const Entry& entry) {
    return !entry.is_label() && (same_name(entry.name, name) || same_name(shown_name(entry.short_name, 0), name));
  });
  return found == entries_.end() ? nullptr : &*found;
}

Status Folder::store(std::size_t index) {
  const std::size_t at = index * slot_size;
  if (clusters_.empty()) return view_->write(ByteOffset{geometry_->root.value + at}, slot(index));
  const ByteOffset cluster = geometry_->place_of(clusters_[at / geometry_->cluster_size]);
  return view_->write(ByteOffset{cluster.value + at % geometry_->cluster_size}, slot(index));
}

Status Folder::grow() {
  if (clusters_.empty()) {
    return fail(errc::fat_folder_full,
                "the root folder of this FAT12 or FAT16 volume has room for " + std::to_string(slots()) + " entries");
  }
  if (slots() + geometry_->cluster_size / slot_size > most_slots) {
    return fail(errc::fat_folder_full, "a folder has at most 65536 entries");
  }
  FL_TRY(const auto added, table_->allocate(1));
  FL_CHECK(table_->append(clusters_.back(), added.front()));
  clusters_.push_back(added.front());
  bytes_.resize(bytes_.size() + geometry_->cluster_size);
  return view_->write(geometry_->place_of(added.front()), std::vector<std::byte>(geometry_->cluster_size));
}

Result<std::size_t> Folder::make_room(std::size_t count) {
  std::size_t run = 0;
  for (std::size_t i = 0; i < end_; ++i) {
    run = slot(i)[0] == deleted_mark ? run + 1 : 0;
    if (run == count) return i + 1 - count;
  }
  const std::size_t start = end_ - run;
  while (slots() < start + count) FL_CHECK(grow());
  end_ = start + count;
  if (end_ < slots()) {
    // What follows the old end was never written and may be anything: move the end mark along.
    slot(end_)[0] = unused_mark;
    FL_CHECK(store(end_));
  }
  return start;
}

Status Folder::add(std::u16string_view name, const EntryData& data) {
  std::set<ShortName> taken;
  for (const Entry& entry : entries_) taken.insert(entry.short_name);
  FL_TRY(const NewName chosen, new_name(name, taken));
  std::vector<Slot> added;
  if (chosen.needs_long) added = long_slots(name, checksum_of(chosen.short_name));
  added.push_back(new_slot(chosen.short_name, data));
  FL_TRY(const std::size_t start, make_room(added.size()));
  for (std::size_t i = 0; i < added.size(); ++i) {
    std::ranges::copy(added[i], slot(start + i).begin());
    FL_CHECK(store(start + i));
  }
  read_entries();
  return {};
}

Status Folder::update(const Entry& entry, const EntryData& data) {
  put_data(slot(entry.slot), data);
  FL_CHECK(store(entry.slot));
  read_entries();
  return {};
}

Status Folder::remove(const Entry& entry) {
  const std::size_t last = entry.slot;
  for (std::size_t i = entry.first_slot; i <= last; ++i) {
    slot(i)[0] = deleted_mark;
    FL_CHECK(store(i));
  }
  read_entries();
  return {};
}

Slot new_slot(const ShortName& name, const EntryData& data) {
  Slot slot{};
  for (std::size_t i = 0; i < name.size(); ++i) slot[i] = static_cast<std::byte>(name[i]);
  store16(std::span{slot}.subspan(14), data.modified.time);
  store16(std::span{slot}.subspan(16), data.modified.date);
  put_data(slot, data);
  return slot;
}

std::vector<std::byte> new_folder_bytes(std::uint32_t cluster_size, std::uint32_t own, std::uint32_t parent,
                                        Stamp made) {
  std::vector<std::byte> bytes(cluster_size);
  EntryData data{.attributes = folder_attribute, .cluster = own, .size = 0, .modified = made};
  std::ranges::copy(new_slot(dots(1), data), bytes.begin());
  data.cluster = parent;
  std::ranges::copy(new_slot(dots(2), data), bytes.begin() + slot_size);
  return bytes;
}

}  // namespace flashline::imaging::fat
