#pragma once
// A machine whose USB ports are folders: controllers, hubs with their peers, boards, readers and their cards, as /sys
// shows them.

#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "tests/fakes/temp_folder.h"
#include "transport/block/inspect_target.h"

namespace flashline::fakes {

struct FakeUsbDevice {
  std::string vendor = "058f";
  std::string product = "6366";
  std::string manufacturer = "Generic";
  std::string name = "Mass Storage Device";
  std::string serial = "058F63666433";
  std::string speed = "480";
};

class FakeUsbTree {
 public:
  FakeUsbTree() {
    for (const char* inner : {"proc/self", "sys/devices", "sys/bus/usb/devices", "sys/class/block", "sys/dev/block",
                              "dev", "run", "sys/bus/pci", "sys/bus/platform"}) {
      std::filesystem::create_directories(folder_ / inner);
    }
    folder_.file("proc/self/mountinfo", "");
    folder_.file("proc/swaps", "Filename Type Size Used Priority\n");
  }

  transport::Machine machine() const { return transport::machine_in(folder_.path()); }
  const TempFolder& folder() const { return folder_; }

  /// A controller at `path` below sys/devices ("pci0000:00/0000:00:14.0") with a USB 2 root hub as bus `high` and,
  /// where `super` is not 0, a USB 3 one as bus `super`.
  void controller(const std::string& path, unsigned high, unsigned super = 0) {
    root_hub(path, high, "480");
    if (super != 0) root_hub(path, super, "5000");
  }
  /// A folder on the way has this bus in ID_PATH: "pci" or "platform".
  void subsystem(const std::string& path, const std::string& bus) const {
    link("sys/bus/" + bus, "sys/devices/" + path + "/subsystem");
  }

  void hub(const std::string& name, std::string_view speed = "480") {
    FakeUsbDevice device{.vendor = "05e3", .product = "0610", .name = "USB Hub", .serial = ""};
    device.speed = speed;
    plug(name, device);
    write(folder_of(name) / "bDeviceClass", "09");
    std::filesystem::create_directories(folder_of(name) / (name + ":1.0"));
  }
  /// Port `a` of hub `hub_a` and port `b` of hub `hub_b` ("usb1", "1-2") are two sides of one socket.
  void peers(const std::string& hub_a, unsigned a, const std::string& hub_b, unsigned b) {
    const auto left = port_folder(hub_a, a);
    const auto right = port_folder(hub_b, b);
    std::filesystem::create_directories(left);
    std::filesystem::create_directories(right);
    std::filesystem::create_directory_symlink(right, left / "peer");
    std::filesystem::create_directory_symlink(left, right / "peer");
  }

  void plug(const std::string& name, const FakeUsbDevice& device = {}) {
    const auto folder = parent_of(name) / name;
    folders_[name] = folder;
    const auto dash = name.find('-');
    write(folder / "busnum", name.substr(0, dash));
    write(folder / "devpath", name.substr(dash + 1));
    write(folder / "devnum", std::to_string(++last_address_));
    write(folder / "bDeviceClass", "00");
    write(folder / "idVendor", device.vendor);
    write(folder / "idProduct", device.product);
    write(folder / "manufacturer", device.manufacturer);
    write(folder / "product", device.name);
    if (!device.serial.empty()) write(folder / "serial", device.serial);
    write(folder / "speed", device.speed);
    std::filesystem::create_directory_symlink(folder, folder_ / "sys/bus/usb/devices" / name);
  }
  /// With everything below it.
  void unplug(const std::string& name) {
    const auto folder = folder_of(name);
    for (const char* list : {"sys/class/block", "sys/dev/block", "sys/bus/usb/devices"}) remove_links(list, folder);
    std::filesystem::remove_all(folder);
  }

  /// Gives the device at `name` a storage interface; disks may follow.
  void storage(const std::string& name, std::string_view interface_class = "08") const {
    write(folder_of(name) / (name + ":1.0") / "bInterfaceClass", interface_class);
  }
  /// A disk of the device at `name`; `number` is its minor of major 8, `size` in bytes, 0: no medium.
  void disk(const std::string& name, unsigned lun, const std::string& disk, unsigned number, std::uint64_t size,
            std::string_view scsi_type = "0") {
    disk_numbered(name, lun, disk, "8:" + std::to_string(number), size, scsi_type);
    folder_.file("dev/" + disk, "");
  }
  void disk_numbered(const std::string& name, unsigned lun, const std::string& disk, const std::string& number,
                     std::uint64_t size, std::string_view scsi_type = "0") {
    storage(name);
    const std::string host = "6:0:0:";
    const auto scsi = folder_of(name) / (name + ":1.0") / "host6/target6:0:0" / (host + std::to_string(lun));
    const auto block = scsi / "block" / disk;
    write(scsi / "type", scsi_type);
    write(block / "dev", number);
    write(block / "ro", "0");
    write(block / "removable", "1");
    write(block / "queue/logical_block_size", "512");
    write(block / "uevent", "MAJOR=8\nDEVNAME=" + disk + "\nDEVTYPE=disk");
    std::filesystem::create_directory_symlink(scsi, block / "device");
    std::filesystem::create_directory_symlink(block, folder_ / "sys/class/block" / disk);
    std::filesystem::create_directory_symlink(block, folder_ / "sys/dev/block" / number);
    medium(disk, size);
  }
  /// Another medium in a disk; 0: none.
  void medium(const std::string& disk, std::uint64_t size) {
    const auto block = std::filesystem::canonical(folder_ / "sys/class/block" / disk);
    write(block / "size", std::to_string(size / 512));
    write(block / "diskseq", std::to_string(++last_sequence_));
  }
  void set(const std::string& disk, const std::string& file, std::string_view value) const {
    write(std::filesystem::canonical(folder_ / "sys/class/block" / disk) / file, value);
  }

  std::filesystem::path folder_of(const std::string& name) const { return folders_.at(name); }

 private:
  void root_hub(const std::string& path, unsigned bus, std::string_view speed) {
    const std::string name = "usb" + std::to_string(bus);
    const auto folder = folder_ / "sys/devices" / path / name;
    folders_[name] = folder;
    write(folder / "speed", speed);
    write(folder / "busnum", std::to_string(bus));
    write(folder / "devpath", "0");
    write(folder / "bDeviceClass", "09");
    std::filesystem::create_directories(folder / (std::to_string(bus) + "-0:1.0"));
    std::filesystem::create_directory_symlink(folder, folder_ / "sys/bus/usb/devices" / name);
  }

  std::filesystem::path parent_of(const std::string& name) const {
    const auto dot = name.rfind('.');
    return folder_of(dot == std::string::npos ? "usb" + name.substr(0, name.find('-')) : name.substr(0, dot));
  }
  std::filesystem::path port_folder(const std::string& hub, unsigned port) const {
    const bool root = hub.starts_with("usb");
    const std::string interface = root ? hub.substr(3) + "-0:1.0" : hub + ":1.0";
    return folder_of(hub) / interface / (hub + "-port" + std::to_string(port));
  }

  void remove_links(const char* list, const std::filesystem::path& below) const {
    std::vector<std::filesystem::path> gone;
    for (const auto& entry : std::filesystem::directory_iterator{folder_ / list}) {
      const auto target = std::filesystem::read_symlink(entry.path());
      if (target.native().starts_with(below.native() + "/") || target == below) gone.push_back(entry.path());
    }
    for (const auto& each : gone) std::filesystem::remove(each);
  }

  void write(const std::filesystem::path& file, std::string_view text) const {
    std::filesystem::create_directories(file.parent_path());
    std::ofstream{file} << text << '\n';
  }
  void link(const std::filesystem::path& to, const std::filesystem::path& from) const {
    std::filesystem::create_directories((folder_ / from).parent_path());
    std::filesystem::create_directory_symlink(folder_ / to, folder_ / from);
  }

  TempFolder folder_{std::filesystem::exists("/dev/shm") ? "/dev/shm" : std::filesystem::temp_directory_path()};
  std::map<std::string, std::filesystem::path> folders_;
  unsigned last_address_ = 0;
  unsigned last_sequence_ = 0;
};

/// The usual PC: one xHCI whose USB 2 root hub is bus 1 and USB 3 root hub bus 2. Port 5 of the one is port 1 of the
/// other, and a SuperSpeed hub is there with both its halves.
class FakeUsbPc : public FakeUsbTree {
 public:
  FakeUsbPc() {
    controller("pci0000:00/0000:00:14.0", 1, 2);
    subsystem("pci0000:00/0000:00:14.0", "pci");
    peers("usb1", 5, "usb2", 1);
    hub("1-5");
    hub("2-1", "5000");
    for (unsigned port = 1; port <= 4; ++port) peers("1-5", port, "2-1", port);
  }
};

}  // namespace flashline::fakes
