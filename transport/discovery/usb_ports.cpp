#include "transport/discovery/usb_ports.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <map>
#include <spdlog/fmt/fmt.h>
#include <spdlog/fmt/ranges.h>
#include <sys/sysmacros.h>

#include "imaging/core/errors/target.h"
#include "transport/block/detail/block_devices.h"
#include "transport/discovery/detail/usb_tree.h"

namespace flashline::transport {
namespace {

namespace fs = std::filesystem;
using detail::first_line;

template <class T>
T number_in(const fs::path& file, int base = 10) {
  const std::string text = first_line(file);
  T value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value, base);
  return value;
}

std::string printable(std::string text) {
  std::ranges::replace_if(text, [](char c) { return c < ' ' || c > '~'; }, '?');
  return text;
}

UsbSpeed speed_of(const fs::path& device) {
  const std::string text = first_line(device / "speed");
  if (text == "1.5") return UsbSpeed::low;
  if (text == "12") return UsbSpeed::full;
  if (text == "480") return UsbSpeed::high;
  if (text == "5000") return UsbSpeed::super;
  return text.size() > 4 ? UsbSpeed::super_plus : UsbSpeed::unknown;
}

fs::path devices_of(const Machine& machine) {
  std::error_code missing;
  auto real = fs::canonical(machine.sys / "devices", missing);
  return missing ? machine.sys / "devices" : real;
}

std::vector<fs::path> entries_of(const fs::path& folder) {
  std::vector<fs::path> all;
  std::error_code ignored;
  for (fs::directory_iterator each{folder, ignored}, end; each != end; each.increment(ignored)) {
    all.push_back(each->path());
  }
  std::ranges::sort(all);
  return all;
}

/// "sdb" is "/dev/sdb", unless the kernel says otherwise.
fs::path node_of(const fs::path& disk, const Machine& machine) {
  std::ifstream in{disk / "uevent"};
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("DEVNAME=")) return machine.dev / line.substr(8);
  }
  return machine.dev / disk.filename();
}

bool udev_is_done_with(dev_t number, const Machine& machine) {
  std::error_code ignored;
  if (!fs::exists(machine.run / "udev/control", ignored)) return true;  // nobody will ever say so
  return fs::exists(machine.run / fmt::format("udev/data/b{}:{}", major(number), minor(number)), ignored);
}

/// A whole disk that data goes to: no partition, no boot area of an eMMC, no CD that a modem shows its drivers on.
bool is_plain_disk(const fs::path& folder) {
  std::error_code ignored;
  if (fs::exists(folder / "partition", ignored) || folder.parent_path().filename() != "block") return false;
  const std::string scsi_type = first_line(folder / "device/type");
  return scsi_type.empty() || scsi_type == "0" || scsi_type == "14";
}

std::uint8_t lun_of(const fs::path& disk) {
  std::error_code missing;
  const std::string address = fs::canonical(disk / "device", missing).filename();
  const auto colon = address.rfind(':');
  std::uint8_t lun = 0;
  if (!missing && colon != std::string::npos) {
    std::from_chars(address.data() + colon + 1, address.data() + address.size(), lun);
  }
  return lun;
}

/// The USB device that a block device hangs on, and what it is; nothing where there is none.
struct FoundDisk {
  fs::path device;
  UsbDisk disk;
};

std::optional<FoundDisk> read_disk(const fs::path& entry, const fs::path& devices, const Machine& machine) {
  std::error_code missing;
  const fs::path folder = fs::canonical(entry, missing);
  if (missing || folder.native().find("/usb") == std::string::npos || !is_plain_disk(folder)) return std::nullopt;
  const auto block = detail::BlockDevices{machine.sys}.find(entry.filename().string());
  const fs::path device = detail::usb_device_above(folder, devices);
  if (!block || device.empty()) return std::nullopt;
  UsbDisk disk{.name = block->name, .node = node_of(folder, machine), .sys_path = folder};
  disk.number = block->number;
  disk.lun = lun_of(folder);
  disk.size = block->size;
  disk.disk_seq = block->disk_seq;
  disk.ready = fs::exists(disk.node, missing) && udev_is_done_with(disk.number, machine);
  return FoundDisk{device, std::move(disk)};
}

/// By the folder of their USB device, each list in the order of the LUNs.
std::map<fs::path, std::vector<UsbDisk>> disks_by_device(const fs::path& devices, const Machine& machine) {
  std::map<fs::path, std::vector<UsbDisk>> all;
  for (const fs::path& entry : entries_of(machine.sys / "class/block")) {
    if (auto found = read_disk(entry, devices, machine)) all[found->device].push_back(std::move(found->disk));
  }
  for (auto& [device, disks] : all)
    std::ranges::sort(disks, {}, [](const UsbDisk& disk) { return std::pair{disk.lun, disk.name}; });
  return all;
}

bool has_storage_interface(const fs::path& device) {
  const std::string prefix = device.filename().string() + ":";
  for (const fs::path& inner : entries_of(device)) {
    const bool interface = inner.filename().string().starts_with(prefix);
    if (interface && first_line(inner / "bInterfaceClass") == "08") return true;
  }
  return false;
}

UsbPort describe(const fs::path& device, PortPath port) {
  UsbPort found{.port = std::move(port), .name = device.filename()};
  found.address = number_in<unsigned>(device / "devnum");
  found.vendor = number_in<std::uint16_t>(device / "idVendor", 16);
  found.product = number_in<std::uint16_t>(device / "idProduct", 16);
  found.speed = speed_of(device);
  found.manufacturer = printable(first_line(device / "manufacturer"));
  found.product_name = printable(first_line(device / "product"));
  found.serial = printable(first_line(device / "serial"));
  return found;
}

}  // namespace

std::optional<PortPath> port_of_usb_device(const fs::path& device, const Machine& machine) {
  std::error_code missing;
  const fs::path folder = fs::canonical(device, missing);
  if (missing) return std::nullopt;
  return detail::socket_of(folder, devices_of(machine));
}

std::optional<PortPath> port_of_usb_device(unsigned bus, const std::vector<std::uint8_t>& chain,
                                           const Machine& machine) {
  return port_of_usb_device(machine.sys / "bus/usb/devices" / fmt::format("{}-{}", bus, fmt::join(chain, ".")),
                            machine);
}

std::optional<PortPath> port_of_block_device(const std::string& name, const Machine& machine) {
  std::error_code missing;
  const fs::path folder = fs::canonical(machine.sys / "class/block" / name, missing);
  if (missing) return std::nullopt;
  const fs::path devices = devices_of(machine);
  const fs::path device = detail::usb_device_above(folder, devices);
  return device.empty() ? std::nullopt : detail::socket_of(device, devices);
}

std::vector<PortPath> sides_of(const PortPath& port, const Machine& machine) {
  std::vector<PortPath> sides{port.socket()};
  const fs::path devices = devices_of(machine);
  for (const fs::path& entry : entries_of(machine.sys / "bus/usb/devices")) {
    std::error_code missing;
    const fs::path root = fs::canonical(entry, missing);
    if (missing || !detail::is_root_hub_of(root, port.controller, devices)) continue;
    if (auto other = detail::other_side_of(port, root, devices)) sides.push_back(std::move(*other));
  }
  return sides;
}

std::vector<UsbPort> list_usb_ports(const Machine& machine) {
  const fs::path devices = devices_of(machine);
  auto disks = disks_by_device(devices, machine);
  std::vector<UsbPort> all;
  for (const fs::path& entry : entries_of(machine.sys / "bus/usb/devices")) {
    if (!detail::parse_usb_name(entry.filename().string())) continue;
    std::error_code missing;
    const fs::path device = fs::canonical(entry, missing);
    if (missing || first_line(device / "bDeviceClass") == "09") continue;
    auto port = detail::socket_of(device, devices);
    if (!port) continue;
    UsbPort found = describe(device, std::move(*port));
    const auto here = disks.find(device);
    if (here == disks.end()) {
      found.storage = has_storage_interface(device);
      all.push_back(std::move(found));
      continue;
    }
    found.storage = true;
    for (UsbDisk& disk : here->second) {
      if (here->second.size() > 1) found.port.lun = disk.lun;
      found.disk = std::move(disk);
      all.push_back(found);
    }
  }
  std::ranges::sort(all, {}, [](const UsbPort& each) { return std::pair{each.port, each.name}; });
  return all;
}

const UsbPort* find_port(const std::vector<UsbPort>& list, const PortPath& port) {
  const UsbPort* found = nullptr;
  for (const UsbPort& each : list) {
    if (each.port.socket() != port.socket()) continue;
    if (port.lun && (!each.disk || each.disk->lun != *port.lun)) continue;
    if (found != nullptr) return nullptr;
    found = &each;
  }
  return found;
}

Result<UsbDisk> find_usb_disk(const PortPath& port, const Machine& machine) {
  std::vector<UsbDisk> found;
  for (UsbPort& each : list_usb_ports(machine)) {
    const bool here = each.disk && each.port.socket() == port.socket();
    if (here && (!port.lun || each.disk->lun == *port.lun)) found.push_back(std::move(*each.disk));
  }
  if (found.empty()) return fail(errc::target_port_empty, fmt::format("there is no disk on {}", to_text(port)));
  if (found.size() == 1) return std::move(found.front());
  return fail(errc::target_port_shared, fmt::format("there are {} disks on {}", found.size(), to_text(port)));
}

Result<InspectedTarget> inspect_port(const PortPath& port, const TargetNeeds& needs, const Machine& machine) {
  FL_TRY(const UsbDisk disk, find_usb_disk(port, machine));
  FL_TRY(InspectedTarget target, inspect_target(disk.node, needs, machine));
  target.given = fmt::format("{} ({})", to_text(port), disk.node.string());
  // What has the name now need not be what had it a moment ago.
  const bool same = target.kind == InspectedTarget::Kind::block_device && target.device == disk.number &&
                    target.sys_path == disk.sys_path && target.disk_seq == disk.disk_seq;
  const auto again = find_usb_disk(port, machine);
  if (same && again && again->sys_path == disk.sys_path && again->disk_seq == disk.disk_seq) return target;
  return fail(errc::target_changed, fmt::format("{}: what is on the port changed", target.given));
}

}  // namespace flashline::transport
