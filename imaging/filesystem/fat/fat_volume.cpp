#include "imaging/filesystem/fat/fat_volume.h"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <string>
#include <utility>

#include "imaging/core/errors/image.h"
#include "imaging/core/unicode.h"
#include "imaging/filesystem/fat/boot_sector.h"
#include "imaging/filesystem/fat/fat_name.h"
#include "imaging/filesystem/fat/fat_stamp.h"
#include "imaging/filesystem/fat/fat_table.h"
#include "imaging/filesystem/fat/folder.h"
#include "imaging/filesystem/fat/staged_view.h"

namespace flashline::imaging {
namespace {

using fat::Entry;
using fat::EntryData;
using fat::Folder;

std::vector<std::string_view> names_of(std::string_view path) {
  std::vector<std::string_view> names;
  while (!path.empty()) {
    const std::size_t slash = std::min(path.find('/'), path.size());
    if (slash > 0) names.push_back(path.substr(0, slash));
    path.remove_prefix(std::min(slash + 1, path.size()));
  }
  return names;
}

EntryData with_contents(EntryData data, std::span<const std::uint32_t> clusters, std::size_t size) {
  data.cluster = clusters.empty() ? 0 : clusters.front();
  data.size = static_cast<std::uint32_t>(size);
  return data;
}

}  // namespace

struct FatVolume::State {
  explicit State(WritableBlockView& target) : view{target} {}

  Result<Folder> root() { return Folder::open_root(view, *table, geometry); }
  Result<Folder> inside(const Entry& entry);
  Result<Folder> walk(std::span<const std::string_view> names);
  Result<Folder> walk_making(std::span<const std::string_view> names, fat::Stamp made);
  Result<Entry> entry(std::span<const std::string_view> names);

  Status make_one(Folder& parent, std::u16string_view name, fat::Stamp made);
  Result<std::vector<std::uint32_t>> store_contents(std::span<const std::byte> bytes);
  Status release(const EntryData& data);
  Status place(std::string_view path, std::span<const std::byte> bytes, fat::Stamp stamp);
  Status take_away(std::string_view path);

  /// Runs `change` on the staged view; all of it reaches the partition or nothing.
  template <class Change>
  Status edit(Change change) {
    const fat::FatTable::Space before = table->space();
    Status done = change();
    if (done && table->space() != before) done = table->store_space();
    if (done) done = view.commit();
    if (done) return {};
    view.rollback();
    table->reset(before);
    return done;
  }

  std::uint64_t clusters_for(std::uint64_t bytes) const {
    return bytes / geometry.cluster_size + (bytes % geometry.cluster_size != 0 ? 1 : 0);
  }

  fat::StagedView view;
  fat::Geometry geometry;
  std::optional<fat::FatTable> table;
};

Result<Folder> FatVolume::State::inside(const Entry& entry) {
  if (!entry.is_folder()) return fail(errc::fat_not_folder, utf8_of(entry.name) + " is a file");
  return Folder::open(view, *table, geometry, entry.data.cluster);
}

Result<Folder> FatVolume::State::walk(std::span<const std::string_view> names) {
  FL_TRY(Folder at, root());
  for (const std::string_view name : names) {
    const Entry* const found = at.find(utf16_of(name).value_or(u""));
    if (found == nullptr) return fail(errc::fat_not_found, "no folder " + std::string{name});
    FL_TRY(at, inside(*found));
  }
  return at;
}

Result<Entry> FatVolume::State::entry(std::span<const std::string_view> names) {
  if (names.empty()) return fail(errc::fat_is_folder, "the path names the root folder");
  FL_TRY(const Folder parent, walk(names.first(names.size() - 1)));
  const Entry* const found = parent.find(utf16_of(names.back()).value_or(u""));
  if (found == nullptr) return fail(errc::fat_not_found, "no " + std::string{names.back()});
  return *found;
}

Status FatVolume::State::make_one(Folder& parent, std::u16string_view name, fat::Stamp made) {
  FL_TRY(const auto clusters, table->allocate(1));
  const std::uint32_t own = clusters.front();
  FL_CHECK(
      view.write(geometry.place_of(own), fat::new_folder_bytes(geometry.cluster_size, own, parent.number(), made)));
  return parent.add(name, {.attributes = fat::folder_attribute, .cluster = own, .size = 0, .modified = made});
}

Result<Folder> FatVolume::State::walk_making(std::span<const std::string_view> names, fat::Stamp made) {
  FL_TRY(Folder at, root());
  for (const std::string_view text : names) {
    FL_TRY(const std::u16string name, fat::checked_name(text));
    if (at.find(name) == nullptr) FL_CHECK(make_one(at, name, made));
    FL_TRY(at, inside(*at.find(name)));
  }
  return at;
}

Result<std::vector<std::uint32_t>> FatVolume::State::store_contents(std::span<const std::byte> bytes) {
  FL_TRY(const auto clusters, table->allocate(clusters_for(bytes.size())));
  for (const std::uint32_t cluster : clusters) {
    const std::size_t count = std::min<std::size_t>(bytes.size(), geometry.cluster_size);
    FL_CHECK(view.write(geometry.place_of(cluster), bytes.first(count)));
    // What lay there before is nobody's business: the rest of the last cluster becomes zero.
    const std::vector<std::byte> rest(geometry.cluster_size - count);
    FL_CHECK(view.write(ByteOffset{geometry.place_of(cluster).value + count}, rest));
    bytes = bytes.subspan(count);
  }
  return clusters;
}

Status FatVolume::State::release(const EntryData& data) {
  if (data.cluster == 0) return {};
  FL_TRY(const auto clusters, table->chain(data.cluster, geometry.clusters));
  return table->release(clusters);
}

Status FatVolume::State::place(std::string_view path, std::span<const std::byte> bytes, fat::Stamp stamp) {
  const auto names = names_of(path);
  if (names.empty()) return fail(errc::fat_is_folder, "the path names the root folder");
  FL_TRY(const std::u16string name, fat::checked_name(names.back()));
  FL_TRY(Folder parent, walk_making(std::span{names}.first(names.size() - 1), stamp));
  const Entry* const old = parent.find(name);
  if (old != nullptr && old->is_folder()) return fail(errc::fat_is_folder, std::string{path} + " is a folder");
  if (old != nullptr) FL_CHECK(release(old->data));
  FL_TRY(const auto clusters, store_contents(bytes));
  EntryData data{.attributes = fat::archive, .cluster = 0, .size = 0, .modified = stamp};
  if (old != nullptr) data.attributes = static_cast<std::uint8_t>(old->data.attributes | fat::archive);
  data = with_contents(data, clusters, bytes.size());
  return old != nullptr ? parent.update(*old, data) : parent.add(name, data);
}

Status FatVolume::State::take_away(std::string_view path) {
  const auto names = names_of(path);
  FL_TRY(const Entry victim, entry(names));
  if (victim.is_folder()) {
    FL_TRY(const Folder folder, inside(victim));
    if (!folder.entries().empty()) return fail(errc::fat_folder_not_empty, std::string{path} + " is not empty");
  }
  FL_CHECK(release(victim.data));
  FL_TRY(Folder parent, walk(std::span{names}.first(names.size() - 1)));
  return parent.remove(victim);
}

FatVolume::FatVolume(std::unique_ptr<State> state) : state_{std::move(state)} {}
FatVolume::~FatVolume() = default;
FatVolume::FatVolume(FatVolume&&) noexcept = default;
FatVolume& FatVolume::operator=(FatVolume&&) noexcept = default;

Result<FatVolume> FatVolume::open(WritableBlockView& view) {
  auto state = std::make_unique<State>(view);
  if (view.size().value < fat::boot_sector_size) {
    return fail(errc::fat_boot_sector, "the partition has " + std::to_string(view.size().value) + " bytes");
  }
  std::array<std::byte, fat::boot_sector_size> sector{};
  FL_CHECK(view.read(ByteOffset{0}, sector));
  FL_TRY(state->geometry, fat::parse_boot_sector(sector, view.size()));
  FL_TRY(state->table, fat::FatTable::open(state->view, state->geometry));
  FL_TRY(const bool dirty, state->table->dirty());
  state->geometry.dirty |= dirty;
  return FatVolume{std::move(state)};
}

FatFacts FatVolume::facts() const {
  const fat::Geometry& g = state_->geometry;
  return {.type = g.type,
          .sector_size = g.sector_size,
          .cluster_size = g.cluster_size,
          .clusters = g.clusters,
          .serial = g.serial,
          .dirty = g.dirty};
}

Result<std::string> FatVolume::label() {
  FL_TRY(const Folder root, state_->root());
  const auto in_root = std::ranges::find_if(root.entries(), &Entry::is_label);
  if (in_root != root.entries().end()) return fat::shown_label(in_root->short_name);
  fat::ShortName field;
  field.fill(' ');
  std::ranges::copy(state_->geometry.label, field.begin());
  const std::string text = fat::shown_label(field);
  return text == "NO NAME" ? std::string{} : text;
}

Result<ByteCount> FatVolume::free_space() {
  FL_TRY(const std::uint32_t clusters, state_->table->free_clusters());
  return ByteCount{std::uint64_t{clusters} * state_->geometry.cluster_size};
}

Result<std::vector<FatEntry>> FatVolume::list(std::string_view path) {
  const auto names = names_of(path);
  FL_TRY(const Folder folder, state_->walk(names));
  std::vector<FatEntry> listed;
  for (const Entry& entry : folder.entries()) {
    if (entry.is_label()) continue;
    listed.push_back({.name = utf8_of(entry.name),
                      .folder = entry.is_folder(),
                      .size = entry.is_folder() ? 0 : entry.data.size,
                      .modified = fat::time_of(entry.data.modified)});
  }
  return listed;
}

Result<std::vector<std::byte>> FatVolume::read_file(std::string_view path) {
  FL_TRY(const Entry entry, state_->entry(names_of(path)));
  if (entry.is_folder()) return fail(errc::fat_is_folder, std::string{path} + " is a folder");
  std::vector<std::uint32_t> clusters;
  if (entry.data.size > 0) {
    FL_TRY(clusters, state_->table->chain(entry.data.cluster, state_->geometry.clusters));
  }
  if (clusters.size() < state_->clusters_for(entry.data.size)) {
    return fail(errc::fat_damaged, std::string{path} + " says it has " + std::to_string(entry.data.size) +
                                       " bytes, but only " + std::to_string(clusters.size()) + " clusters");
  }
  std::vector<std::byte> bytes(entry.data.size);
  for (std::size_t at = 0, i = 0; at < bytes.size(); at += state_->geometry.cluster_size, ++i) {
    const std::size_t count = std::min<std::size_t>(bytes.size() - at, state_->geometry.cluster_size);
    FL_CHECK(state_->view.read(state_->geometry.place_of(clusters[i]), std::span{bytes}.subspan(at, count)));
  }
  return bytes;
}

Status FatVolume::write_file(std::string_view path, std::span<const std::byte> bytes, std::chrono::sys_seconds time) {
  if (bytes.size() > std::numeric_limits<std::uint32_t>::max()) {
    return fail(errc::fat_file_too_large, std::string{path} + " would have " + std::to_string(bytes.size()) + " bytes");
  }
  return state_->edit([&] { return state_->place(path, bytes, fat::stamp_of(time)); });
}

Status FatVolume::make_folder(std::string_view path, std::chrono::sys_seconds time) {
  return state_->edit([&]() -> Status {
    FL_CHECK(state_->walk_making(names_of(path), fat::stamp_of(time)));
    return {};
  });
}

Status FatVolume::remove(std::string_view path) {
  return state_->edit([&] { return state_->take_away(path); });
}

}  // namespace flashline::imaging
