#include "imaging/build/write_image.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <fcntl.h>
#include <iterator>
#include <spdlog/fmt/fmt.h>
#include <unistd.h>

#include "imaging/core/errors/build.h"
#include "imaging/core/errors/image.h"
#include "imaging/core/errors/layout.h"
#include "imaging/filesystem/file_block_view.h"
#include "imaging/filesystem/make_ext4.h"
#include "imaging/filesystem/make_fat.h"
#include "imaging/filesystem/make_ntfs.h"
#include "imaging/filesystem/tree_content.h"
#include "imaging/layout/write_partition_table.h"
#include "imaging/workspace/input_xml.h"

namespace flashline::imaging {
namespace {

namespace fs = std::filesystem;

std::uint64_t serial_of(std::string_view seed, std::string_view name) {
  const std::string text = fmt::format("{}/{}", seed, name);
  const Sha256 digest = sha256(std::as_bytes(std::span{text}));
  std::uint64_t serial = 0;
  for (std::size_t i = 0; i < 8; ++i) serial = serial << 8U | std::to_integer<std::uint64_t>(digest[i]);
  return serial;
}

std::string fat_label(std::string_view name) {
  std::string label{name.substr(0, 11)};
  std::ranges::transform(label, label.begin(),
                         [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  return label;
}

FatFormat fat_format(const PartitionTraits& traits, std::uint32_t sector_size, std::uint64_t first,
                     std::uint64_t serial) {
  FatFormat format{.type = {},
                   .sector_size = sector_size,
                   .cluster_size = traits.cluster_size,
                   .first_sector = first,
                   .label = fat_label(traits.name),
                   .serial = static_cast<std::uint32_t>(serial)};
  if (traits.file_system == FileSystemKind::fat32) format.type = FatType::fat32;
  return format;
}

NtfsFormat ntfs_format(const PartitionTraits& traits, std::uint32_t sector_size, std::uint64_t first,
                       std::uint64_t serial, const fs::path& scratch) {
  return {.sector_size = sector_size,
          .cluster_size = traits.cluster_size,
          .first_sector = first,
          .label = traits.name,
          .serial = serial,
          .scratch = scratch};
}

Ext4Format ext4_format(const PartitionTraits& traits, const std::string& seed) {
  return {.block_size = traits.cluster_size, .label = traits.name.substr(0, 16), .seed = seed + "/" + traits.name};
}

Result<std::uint64_t> needed_sectors(const PartitionTraits& traits, std::uint32_t sector_size, const FileTree& tree) {
  switch (traits.file_system) {
    case FileSystemKind::fat:
    case FileSystemKind::fat32:
      return needed_fat_sectors(fat_format(traits, sector_size, 0, 0), tree);
    case FileSystemKind::ntfs:
      return needed_ntfs_sectors(ntfs_format(traits, sector_size, 0, 0, {}), tree);
    case FileSystemKind::ext4:
      return needed_ext4_sectors(ext4_format(traits, {}), tree, sector_size);
    case FileSystemKind::none:
      break;
  }
  return 0;
}

const StagedPartition* find_staged(const Stage& stage, std::string_view name) {
  const auto found =
      std::ranges::find_if(stage.partitions(), [&](const StagedPartition& one) { return same_word(one.name, name); });
  return found != stage.partitions().end() ? &*found : nullptr;
}

/// A raw image is written from the partition's first byte on; what lies behind it stays zeros.
Status write_raw(FileBlockView& view, const StagedPartition& staged) {
  const PackageFile& image = *staged.raw_image;
  if (image.size > view.size().value) {
    return fail(errc::raw_too_large, fmt::format("{} bytes of {} for partition {} of {} bytes", image.size,
                                                 staged.raw_from, staged.name, view.size().value));
  }
  TreeEntry entry{.path = staged.raw_from, .source = image.source, .size = image.size};
  entry.digest = image.digest;
  std::uint64_t at = 0;
  return read_content(entry, [&](std::span<const std::byte> piece) -> Status {
    FL_CHECK(write_sparse(view, ByteOffset{at}, piece));
    at += piece.size();
    return {};
  });
}

/// One store as a file that is mostly holes.
class Disk {
 public:
  static Result<Disk> make(const StoreLayout& store, const fs::path& path) {
    FileHandle file{::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)};
    const std::uint64_t bytes = store.sectors * store.sector_size;
    if (!file || ::ftruncate(file.get(), static_cast<off_t>(bytes)) != 0) return fail(errc::image_write, path.string());
    FL_CHECK(write_partition_table(store, path));
    return Disk{store, std::move(file)};
  }

  Status fill(const PlacedPartition& partition, const StagedPartition& staged, const WriteImageOptions& options) {
    const std::uint32_t sector = store_.sector_size;
    FileBlockView view{file_.get(), ByteOffset{partition.place.first * sector},
                       ByteCount{partition.place.count * sector}};
    const std::chrono::sys_seconds time{std::chrono::seconds{options.time}};
    const std::uint64_t serial = serial_of(options.seed, partition.name);
    switch (partition.file_system) {
      case FileSystemKind::fat:
      case FileSystemKind::fat32:
        return make_fat(view, fat_format(partition, sector, partition.place.first, serial), staged.tree, time);
      case FileSystemKind::ntfs:
        return make_ntfs(view, ntfs_format(partition, sector, partition.place.first, serial, options.scratch),
                         staged.tree, time);
      case FileSystemKind::ext4:
        return make_ext4(view, ext4_format(partition, options.seed), staged.tree, time);
      case FileSystemKind::none:
        break;
    }
    return staged.raw_image ? write_raw(view, staged) : Status{};
  }

 private:
  Disk(const StoreLayout& store, FileHandle file) : store_{store}, file_{std::move(file)} {}
  const StoreLayout& store_;
  FileHandle file_;
};

std::size_t files_in(const FileTree& tree) {
  return static_cast<std::size_t>(
      std::ranges::count_if(tree.entries(), [](const auto& entry) { return entry.second.kind == EntryKind::file; }));
}

WrittenPartition facts_of(const PlacedPartition& partition, const StagedPartition* staged, std::size_t store,
                          std::uint32_t sector) {
  WrittenPartition facts{.name = partition.name,
                         .file_system = std::string{name_of(partition.file_system)},
                         .store = store,
                         .number = partition.number,
                         .start = ByteOffset{partition.place.first * sector},
                         .length = ByteCount{partition.place.count * sector},
                         .content = {},
                         .files = 0,
                         .raw_from = {}};
  if (staged == nullptr) return facts;
  facts.content = ByteCount{staged->raw_image ? staged->raw_image->size : staged->tree.content_size()};
  facts.files = files_in(staged->tree);
  facts.raw_from = staged->raw_from;
  return facts;
}

ManifestPartition manifest_of(const PlacedPartition& partition, const WrittenPartition& facts, const StoreLayout& store,
                              bool rest) {
  ManifestPartition row;
  row.name = partition.name;
  row.type = to_text(partition.type);
  if (store.style == TableStyle::gpt) row.id = "{" + to_text(partition.id) + "}";
  row.primary = true;
  row.total_sectors = partition.place.count;
  row.used_sectors = (facts.content.value + store.sector_size - 1) / store.sector_size;
  row.use_all_space = rest;
  row.file_system = facts.file_system;
  if (partition.cluster_size != 0) row.cluster_size = partition.cluster_size;
  row.bootable = partition.bootable;
  row.read_only = partition.read_only;
  row.hidden = partition.hidden;
  row.attach_drive_letter = partition.attach_drive_letter;
  row.required_to_flash = partition.required_to_flash;
  return row;
}

Result<std::vector<WrittenPartition>> write_disk(const StoreLayout& store, std::size_t number, const Stage& stage,
                                                 const fs::path& path, const WriteImageOptions& options) {
  FL_TRY(Disk disk, Disk::make(store, path));
  std::vector<WrittenPartition> written;
  for (const PlacedPartition& partition : store.partitions) {
    const StagedPartition* staged = find_staged(stage, partition.name);
    written.push_back(facts_of(partition, staged, number, store.sector_size));
    if (staged == nullptr) continue;
    if (options.progress) options.progress(fmt::format("partition {}", partition.name));
    if (auto filled = disk.fill(partition, *staged, options); !filled) {
      return std::unexpected{in_context(fmt::format("partition {}", partition.name), filled.error())};
    }
  }
  return written;
}

/// Sectors that the content of those partitions takes that grow with it.
Result<ContentSizes> content_sizes(const DeviceLayout& layout, const Stage& stage) {
  ContentSizes sizes;
  for (const LayoutStore& store : layout.stores) {
    for (const LayoutPartition& partition : store.partitions) {
      const StagedPartition* staged = find_staged(stage, partition.name);
      if (staged == nullptr || partition.sizing != LayoutPartition::Sizing::content_and_free) continue;
      auto sectors = needed_sectors(partition, layout.sector_size, staged->tree);
      if (!sectors) return std::unexpected{in_context(fmt::format("partition {}", partition.name), sectors.error())};
      sizes[partition.name] = *sectors;
    }
  }
  return sizes;
}

/// Stores of one image are told from each other by their paths, nothing else.
Status check_device_paths(const DeviceLayout& layout) {
  if (layout.stores.size() == 1 || !layout.stores.front().device_path.empty()) return {};
  return fail(errc::layout_store,
              fmt::format("{}: a store without DevicePath beside others", layout.stores.front().where));
}

Result<ImportDisk> disk_of(const LayoutStore& from, const StoreLayout& store,
                           const std::vector<WrittenPartition>& written, const fs::path& path) {
  OpenOptions open;
  open.trust.allow_unsigned = true;
  FL_TRY(auto image, open_image(path, open));
  ImportDisk disk{.image = std::move(image),
                  .device_path = from.device_path,
                  .store_id = from.id ? "{" + to_text(*from.id) + "}" : std::string{},
                  .store_type = from.type,
                  .only_defined_entries = from.only_defined_entries};
  for (std::size_t i = 0; i < store.partitions.size(); ++i) {
    const bool rest = from.partitions[i].sizing == LayoutPartition::Sizing::rest;
    disk.partitions.push_back(manifest_of(store.partitions[i], written[i], store, rest));
  }
  return disk;
}

}  // namespace

Result<DiskLayout> place_stage(const DeviceLayout& layout, const DevicePlatform& platform, const Stage& stage) {
  FL_TRY(const ContentSizes sizes, content_sizes(layout, stage));
  return lay_out(layout, platform, sizes);
}

Result<WrittenImage> write_image(const DeviceLayout& layout, const DiskLayout& placed, const Stage& stage,
                                 const WriteImageOptions& options) {
  WrittenImage image{.layout = placed, .partitions = {}, .ffu = {}};
  FL_CHECK(check_device_paths(layout));
  std::vector<ImportDisk> disks;
  for (std::size_t i = 0; i < placed.stores.size(); ++i) {
    const fs::path path = options.scratch / fmt::format("disk{}.img", i);
    FL_TRY(auto written, write_disk(placed.stores[i], i, stage, path, options));
    FL_TRY(auto disk, disk_of(layout.stores[i], placed.stores[i], written, path));
    disks.push_back(std::move(disk));
    std::ranges::move(written, std::back_inserter(image.partitions));
  }
  ImportOptions import{.platform_ids = options.platform_ids,
                       .description = options.description,
                       .signer = options.signer,
                       .time = options.time};
  if (disks.size() > 1 || !disks.front().device_path.empty()) import.version = FfuVersion::v2;
  FL_TRY(image.ffu, import_disks(std::move(disks), import, options.out));
  return image;
}

}  // namespace flashline::imaging
