#pragma once
// May this be written to? Answered from names and /sys alone, before anything is opened for writing.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

#include "imaging/core/error.h"
#include "imaging/core/units.h"

namespace flashline::transport {

/// Where the machine tells about itself. Tests put a folder tree in its place.
struct Machine {
  std::filesystem::path proc = "/proc";
  std::filesystem::path sys = "/sys";
  std::filesystem::path dev = "/dev";
  std::filesystem::path run = "/run";
};

/// A machine that is told of in one folder: its proc, sys, dev and run.
inline Machine machine_in(const std::filesystem::path& folder) {
  return {folder / "proc", folder / "sys", folder / "dev", folder / "run"};
}

/// What a target must be, besides safe to write.
struct TargetNeeds {
  ByteCount at_least = {};        ///< 0: any size
  std::uint32_t sector_size = 0;  ///< logical sector in bytes; 0: any. A file takes the one that is asked for
  std::optional<ByteCount> expected_size = {};  ///< exact size that the user named
  ByteCount create_size = {};                   ///< a missing file is created with this size; 0: it must exist
  bool allow_partition = false;                 ///< a partition's node is meant, not a slip for the disk's
  /// Neither they nor the disks that carry them may be written.
  std::vector<std::filesystem::path> station_folders = {};
  std::vector<std::filesystem::path> source_files = {};  ///< the image and whatever else the run reads
};

/// What was found. open_sink() opens this and nothing else: it compares again what could have changed.
struct InspectedTarget {
  enum class Kind : std::uint8_t { file, missing_file, block_device };

  Kind kind = Kind::file;
  std::string given = {};                      ///< the name the user or the station gave
  std::filesystem::path real_path = {};        ///< links resolved
  dev_t device = 0;                            ///< of a block device its own number, of a file that of its file system
  ino_t inode = 0;                             ///< file
  ByteCount size = {};                         ///< of a missing file the size it will have
  std::uint32_t sector_size = 512;             ///< logical
  std::filesystem::path sys_path = {};         ///< block device: its folder in /sys, by the way it is plugged in
  std::optional<std::uint64_t> disk_seq = {};  ///< block device: changes with each medium (Linux 5.15)
};

/// Checks that `target` may be written, whatever names and links lead to it.
/// Errors: target_open (no such thing), target_not_a_disk, target_is_partition, target_system_disk, target_in_use
/// (mounted, swap, held by dm, md or a loop device, open for writing), target_own_file, target_no_medium,
/// target_read_only, target_sector_size, target_too_small, target_unexpected_size.
Result<InspectedTarget> inspect_target(const std::filesystem::path& target, const TargetNeeds& needs,
                                       const Machine& machine = {});

}  // namespace flashline::transport
