#include "imaging/build/stage.h"

#include <algorithm>
#include <chrono>
#include <fcntl.h>
#include <fstream>
#include <iterator>
#include <spdlog/fmt/fmt.h>

#include "imaging/build/package_key.h"
#include "imaging/core/errors/build.h"
#include "imaging/core/errors/image.h"
#include "imaging/filesystem/registry/boot_configuration.h"
#include "imaging/filesystem/registry/boot_store.h"
#include "imaging/filesystem/registry/build_hive.h"
#include "imaging/filesystem/wim_file.h"
#include "imaging/package/registry_text.h"
#include "imaging/source/content.h"
#include "imaging/workspace/input_xml.h"
#include "imaging/workspace/windows_path.h"

namespace flashline::imaging {
namespace {

namespace fs = std::filesystem;

/// Not in any layout: what runs while a device updates itself.
constexpr std::string_view update_os = "UpdateOS";
constexpr std::string_view update_wim = R"(\Programs\UpdateOS\UpdateOS.wim)";

PackageFile file_from(std::string path, std::vector<std::byte> bytes) {
  PackageFile file{.device_path = std::move(path), .source = {}};
  file.size = bytes.size();
  file.digest = sha256(bytes);
  file.source = std::move(bytes);
  return file;
}

Result<std::vector<std::byte>> bytes_of(const PayloadSource& source) {
  if (const auto* bytes = std::get_if<std::vector<std::byte>>(&source)) return *bytes;
  const fs::path& path = std::get<fs::path>(source);
  std::ifstream in{path, std::ios::binary};
  if (!in) return fail(errc::input_open, path.string());
  const std::string text{std::istreambuf_iterator<char>{in}, {}};
  const auto bytes = std::as_bytes(std::span{text});
  return std::vector<std::byte>{bytes.begin(), bytes.end()};
}

/// "\Data\x" of MainOS is "\x" of the partition Data, which is mounted there.
std::optional<std::string> below_data(std::string_view path) {
  constexpr std::string_view data = "\\data\\";
  if (!folded(path).starts_with(data)) return std::nullopt;
  return std::string{path.substr(data.size() - 1)};
}

std::optional<Hive> hive_at(std::string_view partition, std::string_view path) {
  for (int i = 0; i <= static_cast<int>(Hive::boot); ++i) {
    const HiveFile file = file_of(static_cast<Hive>(i));
    if (same_word(file.device_path, path) && same_word(file.partition, partition)) return static_cast<Hive>(i);
  }
  return std::nullopt;
}

bool is_update_os(const Package& package) { return same_word(package.identity.partition, update_os); }

}  // namespace

Stage::Stage(const DeviceLayout& layout, StageOptions options) : options_{std::move(options)} {
  for (const LayoutStore& store : layout.stores) {
    for (const LayoutPartition& partition : store.partitions) {
      const bool unix = partition.file_system == FileSystemKind::ext4;
      partitions_.push_back({.name = partition.name,
                             .file_system = partition.file_system,
                             .tree = FileTree{unix ? NameCase::exact : NameCase::blind}});
    }
  }
}

StagedPartition* Stage::find(std::string_view name) {
  const auto found =
      std::ranges::find_if(partitions_, [&](const StagedPartition& one) { return same_word(one.name, name); });
  return found != partitions_.end() ? &*found : nullptr;
}

Status Stage::add(const std::vector<ImagePackage>& packages) {
  for (const ImagePackage& package : packages) FL_CHECK(adopt_hives(package));
  for (const ImagePackage& package : packages) {
    if (auto added = add_one(package); !added) return std::unexpected{in_context(package.wanted.cab, added.error())};
  }
  return {};
}

Status Stage::adopt_hives(const ImagePackage& package) {
  for (const PackageFile& file : package.package.files) {
    const auto hive =
        hive_at(is_update_os(package.package) ? "MainOS" : package.package.identity.partition, file.device_path);
    if (!hive) continue;
    FL_TRY(const auto bytes, bytes_of(file.source));
    FL_CHECK((is_update_os(package.package) ? update_registry_ : registry_).adopt(*hive, bytes, package.wanted.cab));
  }
  return {};
}

Status Stage::add_one(const ImagePackage& package) {
  const Package& content = package.package;
  if (is_update_os(content)) {
    updates_ = true;
    FL_CHECK(add_content(package, update_tree_));
    FL_CHECK(update_registry_.merge(content.registry, package.wanted.cab));
    return add_records(package, update_tree_);
  }
  StagedPartition* partition = find(content.identity.partition);
  if (partition == nullptr) {
    return fail(errc::package_partition, fmt::format("partition '{}'", content.identity.partition));
  }
  if (content.raw_image) return add_raw(package);
  if (partition->file_system != FileSystemKind::none) {
    FL_CHECK(add_content(package, partition->tree));
    FL_CHECK(add_records(package, partition->tree));
  } else if (!content.files.empty() || !content.directories.empty()) {
    return fail(errc::package_raw, fmt::format("files for partition {}, which has no file system", partition->name));
  }
  if (content.bcd) boot_settings_.emplace_back(package.wanted.cab, *content.bcd);
  return registry_.merge(content.registry, package.wanted.cab);
}

Status Stage::add_raw(const ImagePackage& package) {
  StagedPartition& partition = *find(package.package.identity.partition);
  if (partition.file_system != FileSystemKind::none) {
    return fail(errc::package_raw,
                fmt::format("a raw image for partition {}, which has a file system", partition.name));
  }
  if (partition.raw_image) {
    return fail(errc::package_raw,
                fmt::format("partition {} is filled by {} already", partition.name, partition.raw_from));
  }
  partition.raw_image = package.package.raw_image;
  partition.raw_from = package.wanted.cab;
  return {};
}

Status Stage::add_content(const ImagePackage& package, FileTree& tree) {
  StagedPartition* data = find("Data");
  const bool main_os = same_word(package.package.identity.partition, "MainOS");
  const bool divided = main_os && data != nullptr && data->file_system != FileSystemKind::none;
  const auto place = [&](auto entry) -> Status {
    if (divided) {
      if (auto path = below_data(entry.device_path)) {
        entry.device_path = *std::move(path);
        return data->tree.add(entry, package.wanted.cab);
      }
    }
    return tree.add(entry, package.wanted.cab);
  };
  const std::string& partition = is_update_os(package.package) ? "MainOS" : package.package.identity.partition;
  for (const PackageFile& file : package.package.files) {
    if (hive_at(partition, file.device_path)) continue;  // it was adopted
    FL_CHECK(place(file));
  }
  for (const PackageDirectory& directory : package.package.directories) FL_CHECK(place(directory));
  return {};
}

Status Stage::add_records(const ImagePackage& package, FileTree& tree) {
  if (!options_.windows) return {};
  const std::string& name = package.package.identity.name;
  const auto record = [&](std::string_view member, std::string path) -> Status {
    const auto file = find_input(package.folder, member);
    if (!file) return {};
    FL_TRY(auto bytes, bytes_of(*file));
    return tree.add(file_from(std::move(path), std::move(bytes)), package.wanted.cab);
  };
  FL_CHECK(record("man.dsm.xml", fmt::format(R"(\Windows\Packages\DsmFiles\{}.dsm.xml)", name)));
  FL_CHECK(record("content.cat",
                  fmt::format(R"(\Windows\System32\catroot\{{F750E6C3-38EE-11D1-85E5-00C04FC295EE}}\{}.cat)", name)));
  FL_CHECK(record("update.mum", fmt::format(R"(\Windows\servicing\Packages\{}.mum)", name)));
  FL_CHECK(record("update.cat", fmt::format(R"(\Windows\servicing\Packages\{}.cat)", name)));
  FL_TRY(const auto registry, registry_files(package.package));
  for (const PackageFile& file : registry) FL_CHECK(tree.add(file, package.wanted.cab));
  return {};
}

Status Stage::add_file(std::string_view path, std::vector<std::byte> bytes) {
  StagedPartition* main_os = find("MainOS");
  if (main_os == nullptr || main_os->file_system == FileSystemKind::none) return {};
  return main_os->tree.add(file_from(std::string{path}, std::move(bytes)), "OEMInput");
}

Status Stage::add_hives(OfflineRegistry& registry, FileTree* only) {
  FL_TRY(auto files, registry.build(options_.time));
  for (OfflineRegistry::File& file : files) {
    if (file.place.name == file_of(Hive::boot).name) continue;  // it waits for the disk's layout
    FileTree* tree = only;
    if (tree == nullptr) {
      StagedPartition* partition = find(file.place.partition);
      if (partition == nullptr || partition->file_system == FileSystemKind::none) {
        return fail(errc::package_partition, fmt::format("partition '{}', where the registry's {} belongs",
                                                         file.place.partition, file.place.name));
      }
      tree = &partition->tree;
    }
    FL_CHECK(tree->add(file_from(std::string{file.place.device_path}, std::move(file.bytes)), "registry"));
  }
  return {};
}

Status Stage::add_update_os() {
  if (!updates_) return {};
  FL_CHECK(add_hives(update_registry_, &update_tree_));
  StagedPartition* main_os = find("MainOS");
  if (main_os == nullptr || main_os->file_system == FileSystemKind::none) {
    return fail(errc::package_partition, "partition 'MainOS', where UpdateOS belongs");
  }
  const fs::path wim = options_.scratch / "UpdateOS.wim";
  const std::chrono::sys_seconds time{std::chrono::seconds{options_.time}};
  const FileHandle file{::open(wim.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)};
  if (!file) return fail(errc::image_write, wim.string());
  FL_CHECK(write_wim(file.get(), update_tree_, {.name = std::string{update_os}, .properties = {}, .time = time}));
  std::error_code code;
  FL_TRY(const Sha256 digest, digest_of_file(wim));
  return main_os->tree.add(
      PackageFile{
          .device_path = std::string{update_wim}, .source = wim, .size = fs::file_size(wim, code), .digest = digest},
      update_os);
}

std::vector<std::string> Stage::warnings() const {
  std::vector<std::string> lines = boot_warnings_;
  for (const OfflineRegistry* registry : {&registry_, &update_registry_}) {
    for (const auto& [hive, tree] : registry->trees()) {
      for (const RegistryConflict& one : tree.conflicts()) {
        lines.push_back(fmt::format(R"(registry: {}\{} '{}': {} overrules {})", file_of(hive).name, one.key, one.value,
                                    one.winner, one.overruled));
      }
    }
  }
  return lines;
}

Status Stage::finish() {
  FL_CHECK(add_update_os());
  return add_hives(registry_, nullptr);
}

Status Stage::add_boot_store(const DiskLayout& disk) {
  if (boot_settings_.empty() && !registry_.trees().contains(Hive::boot)) return {};
  RegistryTree& store = registry_.tree(Hive::boot);
  for (const auto& [package, file] : boot_settings_) {
    FL_TRY(const auto bytes, bytes_of(file.source));
    FL_TRY(const XmlDocument document, parse_input_xml(bytes, fmt::format("{}: {}", package, file.device_path)));
    FL_TRY(const BootConfiguration configuration, parse_boot_configuration(document));
    FL_TRY(const auto warnings, apply_boot_configuration(store, configuration, disk, package));
    boot_warnings_.insert(boot_warnings_.end(), warnings.begin(), warnings.end());
  }
  const HiveFile place = file_of(Hive::boot);
  FL_TRY(auto bytes, build_hive(store, place.name, options_.time));
  StagedPartition* partition = find(place.partition);
  if (partition == nullptr || partition->file_system == FileSystemKind::none) {
    return fail(errc::package_partition, fmt::format("partition '{}', where the boot store belongs", place.partition));
  }
  return partition->tree.add(file_from(std::string{place.device_path}, std::move(bytes)), "boot store");
}

}  // namespace flashline::imaging
