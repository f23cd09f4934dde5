#pragma once
// Who uses a block device or a file of this machine right now.

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "transport/block/detail/block_devices.h"
#include "transport/block/detail/mounts.h"

namespace flashline::transport::detail {

class MachineUse {
 public:
  explicit MachineUse(const Machine& machine);

  const BlockDevices& devices() const { return devices_; }
  /// Why `device` must not be written: a mount, swap, a holder. nullopt: nobody uses it.
  std::optional<std::string> use_of(const BlockDevice& device) const;
  /// The path out of `folders` or the system's own that lies on a disk which `device` lies on as well.
  std::optional<std::filesystem::path> carries(const BlockDevice& device,
                                               const std::vector<std::filesystem::path>& folders) const;
  /// Why the file with this identity must not be written: swap, a loop device.
  std::optional<std::string> use_of_file(dev_t device, ino_t inode) const;

 private:
  std::optional<std::string> mount_or_swap_of(const BlockDevice& device) const;
  std::optional<BlockDevice> device_of(const Mount& mount) const;

  BlockDevices devices_;
  std::vector<Mount> mounts_;
  std::vector<std::filesystem::path> swaps_;
};

}  // namespace flashline::transport::detail
