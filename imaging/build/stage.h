#pragma once
// What each partition of an image will hold: files, folders, registry, boot store, raw images, by package.

#include <ctime>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "imaging/build/image_package.h"
#include "imaging/filesystem/file_tree.h"
#include "imaging/filesystem/registry/offline_registry.h"
#include "imaging/layout/device_layout.h"
#include "imaging/layout/lay_out.h"

namespace flashline::imaging {

struct StagedPartition {
  std::string name;  ///< as the layout writes it
  FileSystemKind file_system = FileSystemKind::none;
  FileTree tree;
  std::optional<PackageFile> raw_image{};
  std::string raw_from{};  ///< the package it is from
};

struct StageOptions {
  std::time_t time = 0;
  bool windows = true;  ///< servicing records and \Windows\ImageUpdate; a Linux image has no use for them
  std::filesystem::path scratch;
};

class Stage {
 public:
  /// The partitions of all stores, empty. `layout` outlives the stage.
  Stage(const DeviceLayout& layout, StageOptions options);

  /// Takes in the packages, in their order: the last writer of a registry value wins, the same file twice is a mistake.
  /// Errors: package_partition (unknown to the layout), package_raw (files for a raw partition, or a raw image where a
  /// file system is, or two of them), tree_collision, hive_unknown, those of OfflineRegistry::adopt.
  Status add(const std::vector<ImagePackage>& packages);

  /// A file that no package brings, in MainOS: \Windows\ImageUpdate\OEMInput.xml.
  Status add_file(std::string_view device_path, std::vector<std::byte> bytes);

  /// The registry becomes files, UpdateOS a WIM. Errors: those of OfflineRegistry::build and write_wim.
  Status finish();

  /// The boot store becomes a file; it says where on the disk things lie, so it is the last to be made.
  /// Errors: those of parse_boot_configuration, apply_boot_configuration and build_hive.
  Status add_boot_store(const DiskLayout& disk);

  const std::vector<StagedPartition>& partitions() const { return partitions_; }
  /// What two packages do not agree on, and what boot settings say of disks that are not there: a line each.
  std::vector<std::string> warnings() const;

  /// The partition of that name, case aside, or nullptr.
  StagedPartition* find(std::string_view name);

 private:
  Status add_one(const ImagePackage& package);
  Status add_raw(const ImagePackage& package);
  Status add_content(const ImagePackage& package, FileTree& tree);
  Status add_records(const ImagePackage& package, FileTree& tree);
  Status adopt_hives(const ImagePackage& package);
  Status add_hives(OfflineRegistry& registry, FileTree* only);
  Status add_update_os();

  StageOptions options_;
  std::vector<StagedPartition> partitions_;
  OfflineRegistry registry_;
  OfflineRegistry update_registry_;
  FileTree update_tree_;
  std::vector<std::pair<std::string, PackageFile>> boot_settings_;  // package, its BCD xml
  std::vector<std::string> boot_warnings_;
  bool updates_ = false;  // a package targets UpdateOS
};

}  // namespace flashline::imaging
