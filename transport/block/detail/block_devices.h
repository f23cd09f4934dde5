#pragma once
// The block devices of a machine as /sys tells of them: which lies on which, and who uses what.

#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

#include "imaging/core/units.h"
#include "transport/block/inspect_target.h"

namespace flashline::transport::detail {

/// One block device: a disk, a partition, a mapping, a loop device.
struct BlockDevice {
  std::string name;  ///< the kernel's, such as "sdb1"
  dev_t number = 0;
  std::filesystem::path sys_path;
  std::string disk;  ///< the disk's own name, or that of the disk a partition lies on
  ByteCount size;
  std::uint32_t sector_size = 512;
  bool read_only = false;
  std::optional<std::uint64_t> disk_seq;
  std::string backing_file;  ///< loop device: what it shows, or empty

  bool is_partition() const { return disk != name; }
};

/// First line of a small file in /sys or /proc, or empty.
std::string first_line(const std::filesystem::path& file);

class BlockDevices {
 public:
  explicit BlockDevices(std::filesystem::path sys) : sys_{std::move(sys)} {}

  std::optional<BlockDevice> find(dev_t number) const;
  std::optional<BlockDevice> find(std::string_view name) const;
  /// The device behind a name under /dev, by its kernel name or a device mapper's.
  std::optional<BlockDevice> find_node(const std::filesystem::path& node) const;

  /// `device`, its partitions, and all that is stacked on them: dm, md, loop devices.
  std::vector<BlockDevice> stacked_on(const BlockDevice& device) const;
  /// The disks that `device` lies on in the end, itself included: through partitions, dm and md.
  std::set<std::string> disks_beneath(const BlockDevice& device) const;
  /// Loop devices that are in use.
  std::vector<BlockDevice> loops() const;

 private:
  std::optional<BlockDevice> read(const std::filesystem::path& entry) const;
  std::vector<std::string> above(const BlockDevice& device) const;
  void collect_beneath(const BlockDevice& device, std::set<std::string>& seen) const;

  std::filesystem::path sys_;
};

}  // namespace flashline::transport::detail
