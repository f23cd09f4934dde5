#pragma once
// Staged partitions become a disk, and the disk a full flash update image.

#include <ctime>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "imaging/build/stage.h"
#include "imaging/layout/device_layout.h"
#include "imaging/layout/device_platform.h"
#include "imaging/layout/lay_out.h"
#include "imaging/source/import.h"

namespace flashline::imaging {

struct WriteImageOptions {
  std::filesystem::path out;
  std::filesystem::path scratch;
  std::string description;
  std::vector<std::string> platform_ids;
  std::string seed;  ///< what ids of volumes are made of: product and version
  const Signer* signer = nullptr;
  std::time_t time = 0;
  std::function<void(const std::string& line)> progress{};
};

struct WrittenPartition {
  std::string name;
  std::string file_system;
  std::size_t store = 0;
  std::uint32_t number = 0;
  ByteOffset start;
  ByteCount length;
  ByteCount content;  ///< of its files, or of its raw image
  std::size_t files = 0;
  std::string raw_from;  ///< the package whose raw image fills it
};

struct WrittenImage {
  DiskLayout layout;
  std::vector<WrittenPartition> partitions;
  ImportReport ffu;
};

/// Where everything comes to lie, by what the stage holds. Errors: those of needed_*_sectors, lay_out.
Result<DiskLayout> place_stage(const DeviceLayout& layout, const DevicePlatform& platform, const Stage& stage);

/// Formats, fills, writes. Errors: those of write_partition_table, make_fat, make_ntfs, make_ext4 (with the partition's
/// name), raw_too_large, layout_store (several stores, one without a device path), import_disks.
Result<WrittenImage> write_image(const DeviceLayout& layout, const DiskLayout& placed, const Stage& stage,
                                 const WriteImageOptions& options);

}  // namespace flashline::imaging
