#include "imaging/provisioning/render_overlay.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <memory>
#include <spdlog/fmt/fmt.h>
#include <vector>

#include "imaging/core/errors/image.h"
#include "imaging/core/errors/unit.h"
#include "imaging/filesystem/fat/fat_volume.h"
#include "imaging/provisioning/text_template.h"
#include "imaging/source/partition_table.h"

namespace flashline::imaging {
namespace {

/// The partitions of a disk that is edited: each is opened once, whatever the number of files.
class EditedDisk {
 public:
  explicit EditedDisk(CowView& disk) : disk_{disk} {}

  Status read_table() {
    FL_TRY(PartitionTable table, read_partition_table(disk_, disk_.size()));
    partitions_ = std::move(table.partitions);
    if (table.kind == PartitionTable::Kind::none) {
      partitions_.push_back({.name = "", .type = "", .start = {}, .length = disk_.size(), .number = 1});
    }
    return {};
  }

  /// The FAT volume that `name` means: a number, else a GPT name, else a volume label.
  Result<FatVolume*> find(std::string_view name) {
    std::uint32_t number = 0;
    const auto [end, bad] = std::from_chars(name.data(), name.data() + name.size(), number);
    const bool is_number = bad == std::errc{} && end == name.data() + name.size();
    auto found = places_of([&](const PartitionFact& p) { return is_number && p.number == number; });
    if (found.empty()) found = places_of([&](const PartitionFact& p) { return !p.name.empty() && p.name == name; });
    if (found.empty()) {
      FL_TRY(found, labelled(name));
    }
    if (found.size() == 1) return open(found.front());
    return fail(errc::overlay_partition,
                fmt::format("{} partitions of the image match \"{}\"; it has {}", found.size(), name, names()));
  }

 private:
  template <class Wanted>
  std::vector<std::size_t> places_of(Wanted wanted) const {
    std::vector<std::size_t> places;
    for (std::size_t i = 0; i < partitions_.size(); ++i) {
      if (wanted(partitions_[i])) places.push_back(i);
    }
    return places;
  }

  Result<std::vector<std::size_t>> labelled(std::string_view name) {
    std::vector<std::size_t> places;
    for (std::size_t i = 0; i < partitions_.size(); ++i) {
      auto volume = open(i);
      const bool other_file_system = !volume && volume.error().code == errc::overlay_partition;
      if (other_file_system) continue;
      FL_TRY(FatVolume* const fat, std::move(volume));
      FL_TRY(const std::string label, fat->label());
      if (!label.empty() && label == name) places.push_back(i);
    }
    return places;
  }

  Result<FatVolume*> open(std::size_t place) {
    if (const auto found = volumes_.find(place); found != volumes_.end()) return &found->second.volume;
    const PartitionFact& partition = partitions_[place];
    auto window = std::make_unique<SubView>(disk_, partition.start, partition.length);
    auto volume = FatVolume::open(*window);
    if (!volume && volume.error().code == errc::fat_boot_sector) {
      return fail(errc::overlay_partition, fmt::format("partition {} (\"{}\") holds no FAT file system: {}",
                                                       partition.number, partition.name, volume.error().detail));
    }
    FL_TRY(FatVolume good, std::move(volume));
    return &volumes_.emplace(place, Opened{std::move(window), std::move(good)}).first->second.volume;
  }

  std::string names() const {
    std::string text;
    for (const PartitionFact& p : partitions_) {
      text += fmt::format("{}{} \"{}\"", text.empty() ? "" : ", ", p.number, p.name);
    }
    return text;
  }

  struct Opened {
    std::unique_ptr<SubView> window;  ///< outlives the volume
    FatVolume volume;
  };
  CowView& disk_;
  std::vector<PartitionFact> partitions_;
  std::map<std::size_t, Opened> volumes_;
};

}  // namespace

Result<UnitOverlay> render_overlay(BlockView& disk, std::span<const OverlayFile> files, const UnitFields& fields,
                                   std::chrono::sys_seconds time) {
  CowView edited{disk};
  EditedDisk partitions{edited};
  if (files.empty()) return UnitOverlay{};
  FL_CHECK(partitions.read_table());
  for (const OverlayFile& file : files) {
    FL_TRY(const std::string text, render_template(file.text, fields, file.origin));
    auto volume = partitions.find(file.partition);
    if (!volume) return std::unexpected{in_context(file.origin, volume.error())};
    const Status written = (*volume)->write_file(file.path, std::as_bytes(std::span{text}), time);
    if (!written) return std::unexpected{in_context(fmt::format("{}: {}", file.origin, file.path), written.error())};
  }
  return overlay_of(edited);
}

}  // namespace flashline::imaging
