#pragma once
// The names of USB devices in /sys, and how the two sides of a SuperSpeed socket find each other.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "transport/discovery/port_path.h"

namespace flashline::transport::detail {

/// "1-2.3"
struct UsbName {
  unsigned bus = 0;
  std::vector<std::uint8_t> chain{};
};

/// Nothing: the name of something else, such as an interface or a root hub.
std::optional<UsbName> parse_usb_name(std::string_view name);

/// What a root hub hangs on, as the first part of udev's ID_PATH: "pci-0000:00:14.0",
/// "platform-fd500000.pcie-pci-0000:01:00.0". `folder` is that device's own, links resolved; `devices` is the top of
/// the tree.
std::string controller_name(std::filesystem::path folder, const std::filesystem::path& devices);

/// See port_of_usb_device(). `device` has its links resolved.
std::optional<PortPath> socket_of(const std::filesystem::path& device, const std::filesystem::path& devices);

/// The other side of a socket by its own numbers, for udev's rules; nothing: it has none, or its hub is not there now.
/// `root` is the folder of its USB 2 root hub.
std::optional<PortPath> other_side_of(const PortPath& socket, const std::filesystem::path& root,
                                      const std::filesystem::path& devices);

/// Whether this is the folder of a USB 2 root hub of the controller.
bool is_root_hub_of(const std::filesystem::path& folder, const std::string& controller,
                    const std::filesystem::path& devices);

/// The first folder upwards from `inner` that is a USB device's; empty: none.
std::filesystem::path usb_device_above(std::filesystem::path inner, const std::filesystem::path& devices);

}  // namespace flashline::transport::detail
