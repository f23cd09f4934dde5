#include "transport/block/detail/machine_use.h"

#include <fstream>
#include <iterator>
#include <sys/stat.h>
#include <sys/sysmacros.h>

namespace flashline::transport::detail {
namespace {

namespace fs = std::filesystem;

// Whatever else is mounted counts as in use; these make the disk the system's own, which is worse.
constexpr const char* system_folders[] = {"/", "/boot", "/boot/efi", "/boot/firmware", "/usr", "/var", "/home"};

std::string text_of(const fs::path& file) {
  std::ifstream in{file};
  return {std::istreambuf_iterator<char>{in}, {}};
}

bool is_same_file(const fs::path& path, dev_t device, ino_t inode) {
  struct stat found{};
  return ::stat(path.c_str(), &found) == 0 && found.st_dev == device && found.st_ino == inode;
}

}  // namespace

MachineUse::MachineUse(const Machine& machine)
    : devices_{machine.sys},
      mounts_{parse_mounts(text_of(machine.proc / "self/mountinfo"))},
      swaps_{parse_swaps(text_of(machine.proc / "swaps"))} {}

std::optional<BlockDevice> MachineUse::device_of(const Mount& mount) const {
  if (auto device = devices_.find(mount.device)) return device;
  if (!mount.source.starts_with("/dev/")) return std::nullopt;
  return devices_.find_node(mount.source);
}

std::optional<std::string> MachineUse::mount_or_swap_of(const BlockDevice& device) const {
  for (const auto& mount : mounts_) {
    const auto mounted = device_of(mount);
    if (mounted && mounted->number == device.number) return device.name + " is mounted on " + mount.at.string();
  }
  for (const auto& swap : swaps_) {
    const auto swapped = devices_.find_node(swap);
    if (swapped && swapped->number == device.number) return device.name + " is swapped to";
  }
  return std::nullopt;
}

std::optional<std::string> MachineUse::use_of(const BlockDevice& device) const {
  const auto all = devices_.stacked_on(device);
  for (const auto& each : all) {
    if (auto use = mount_or_swap_of(each)) return use;
  }
  // Not mounted, but set up: an active volume group, a running array, a loop device that shows it.
  for (const auto& each : all) {
    if (each.disk != device.disk) return device.name + " is held by " + each.name;
  }
  if (!device.is_partition()) return std::nullopt;
  const auto disk = devices_.find(device.disk);
  return disk ? mount_or_swap_of(*disk) : std::nullopt;
}

std::optional<fs::path> MachineUse::carries(const BlockDevice& device, const std::vector<fs::path>& folders) const {
  std::vector<fs::path> all{std::begin(system_folders), std::end(system_folders)};
  all.insert(all.end(), folders.begin(), folders.end());
  const auto beneath = devices_.disks_beneath(device);
  for (const auto& path : all) {
    const auto* const mount = mount_of(mounts_, real_path_of(path));
    const auto carrier = mount == nullptr ? std::nullopt : device_of(*mount);
    if (!carrier) continue;
    for (const auto& disk : devices_.disks_beneath(*carrier)) {
      if (beneath.contains(disk)) return path;
    }
  }
  return std::nullopt;
}

std::optional<std::string> MachineUse::use_of_file(dev_t device, ino_t inode) const {
  for (const auto& swap : swaps_) {
    if (is_same_file(swap, device, inode)) return "it is swapped to";
  }
  for (const auto& loop : devices_.loops()) {
    if (is_same_file(loop.backing_file, device, inode)) {
      return use_of(loop).value_or("it is attached") + ", as loop device " + loop.name;
    }
  }
  return std::nullopt;
}

}  // namespace flashline::transport::detail
