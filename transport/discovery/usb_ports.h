#pragma once
// What is plugged in where, as /sys has it at this moment. Nothing is opened and nothing remembered: after an event the
// truth is read again.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

#include "imaging/core/error.h"
#include "imaging/core/units.h"
#include "transport/block/inspect_target.h"
#include "transport/discovery/port_path.h"
#include "transport/usb/usb_facts.h"

namespace flashline::transport {

/// A disk behind a USB socket: a stick, a board that shows its storage, or one card slot of a reader.
struct UsbDisk {
  std::string name;                ///< the kernel's, "sdb"
  std::filesystem::path node;      ///< "/dev/sdb"
  std::filesystem::path sys_path;  ///< its folder in /sys, links resolved
  dev_t number = 0;
  std::uint8_t lun = 0;                     ///< which of the device's disks
  ByteCount size{};                         ///< 0: no medium in it
  std::optional<std::uint64_t> disk_seq{};  ///< changes with each medium (Linux 5.15)
  bool ready = false;                       ///< udev is done with it: links and permissions are there

  bool operator==(const UsbDisk&) const = default;
};

/// Something on a socket that is no hub. A reader with several card slots is one of these for each of them.
struct UsbPort {
  PortPath port{};
  std::string name{};    ///< the kernel's, "1-2.3": of the side and the bus that it came up on
  unsigned address = 0;  ///< on its bus; another one each time that it is plugged in
  std::uint16_t vendor = 0;
  std::uint16_t product = 0;
  UsbSpeed speed = UsbSpeed::unknown;
  std::string manufacturer{};  ///< strings have what is not printable ASCII replaced by '?'
  std::string product_name{};
  std::string serial{};
  bool storage = false;  ///< it is a disk, or one will appear
  std::optional<UsbDisk> disk{};

  bool operator==(const UsbPort&) const = default;

  bool has_medium() const { return disk && disk->size.value != 0; }
};

/// The socket that the USB device with this folder in /sys is in: the controller as ID_PATH has it, and the chain of
/// ports on the USB 2 side, which a SuperSpeed port finds by its `peer`. A port without a peer keeps its own numbers
/// and its controller has "-usb3" behind it, so that it is never taken for the USB 2 port of that number. Nothing: the
/// device is gone, or it is no device on a port.
std::optional<PortPath> port_of_usb_device(const std::filesystem::path& device, const Machine& machine = {});
/// The same of the device at port chain `chain` of bus `bus`.
std::optional<PortPath> port_of_usb_device(unsigned bus, const std::vector<std::uint8_t>& chain,
                                           const Machine& machine = {});

/// The socket that a block device hangs on, given by its kernel name; nothing: none, or it is gone. Never has a LUN.
std::optional<PortPath> port_of_block_device(const std::string& name, const Machine& machine = {});

/// What udev calls a port, in the order of its ID_PATH: the USB 2 side, and the SuperSpeed side where the hub that it
/// is a port of is plugged in now. Without the LUN.
std::vector<PortPath> sides_of(const PortPath& port, const Machine& machine = {});

/// Everything on a USB port, in the order of the ports, hubs left out.
std::vector<UsbPort> list_usb_ports(const Machine& machine = {});

/// What of `list` is on `port`; null: nothing, or several card slots where `port` names none of them.
const UsbPort* find_port(const std::vector<UsbPort>& list, const PortPath& port);

/// The disk on `port` at this moment, medium or not. A port without a LUN means the only disk on its socket.
/// Errors: target_port_empty, target_port_shared.
Result<UsbDisk> find_usb_disk(const PortPath& port, const Machine& machine = {});

/// inspect_target() of the disk that is on `port` at this moment; that it is still there is looked at once more
/// afterwards. Errors: those of find_usb_disk() and inspect_target(), target_changed, target_no_medium.
Result<InspectedTarget> inspect_port(const PortPath& port, const TargetNeeds& needs, const Machine& machine = {});

}  // namespace flashline::transport
