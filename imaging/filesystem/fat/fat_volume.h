#pragma once
// A FAT12, FAT16 or FAT32 file system inside of a partition, read and edited in place.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "imaging/core/block_view.h"
#include "imaging/core/error.h"
#include "imaging/core/units.h"
#include "imaging/filesystem/fat/fat_type.h"

namespace flashline::imaging {

/// What a FAT volume is.
struct FatFacts {
  FatType type = FatType::fat12;
  std::uint32_t sector_size = 0;   ///< bytes
  std::uint32_t cluster_size = 0;  ///< bytes
  std::uint32_t clusters = 0;
  std::uint32_t serial = 0;
  bool dirty = false;  ///< was not unmounted cleanly; edits leave that mark as it is
};

struct FatEntry {
  std::string name;  ///< the long name where there is one
  bool folder = false;
  std::uint32_t size = 0;             ///< bytes; 0 for folders
  std::chrono::sys_seconds modified;  ///< two seconds' steps; 1980-01-01 when the entry has no valid date
};

/// Paths are UTF-8 with '/' between names, from the root on; a leading '/' may be left out; names are found whatever
/// their case. Each edit is written to the view as a whole or, when it fails, not at all. Times are written as they
/// are given, without a time zone; what FAT cannot say becomes 1980-01-01 or 2107-12-31.
/// Errors of all members: image_read, fat_damaged, fat_loop, fat_not_found, fat_not_folder, fat_is_folder; of edits
/// fat_bad_name, fat_full, fat_folder_full besides.
class FatVolume {
 public:
  /// `view` is the partition and outlives the volume. Errors: fat_boot_sector.
  static Result<FatVolume> open(WritableBlockView& view);
  ~FatVolume();
  FatVolume(FatVolume&&) noexcept;
  FatVolume& operator=(FatVolume&&) noexcept;

  FatFacts facts() const;
  /// The name in the root folder, else the one in the boot sector, without its padding; may be empty.
  Result<std::string> label();
  Result<ByteCount> free_space();

  Result<std::vector<FatEntry>> list(std::string_view path);
  Result<std::vector<std::byte>> read_file(std::string_view path);

  /// Makes or replaces a file; folders missing on the way are made. Errors: fat_file_too_large (4 GiB and more).
  Status write_file(std::string_view path, std::span<const std::byte> bytes, std::chrono::sys_seconds time);
  /// Makes a folder and those missing on the way; one that is there already is left as it is.
  Status make_folder(std::string_view path, std::chrono::sys_seconds time);
  /// Removes a file or an empty folder. Errors: fat_folder_not_empty.
  Status remove(std::string_view path);

 private:
  struct State;
  explicit FatVolume(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace flashline::imaging
