#pragma once
// The one name of a slot: where on the machine its socket is. Addresses, ids, speeds and serials of a board change
// from stage to stage; this stays.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "imaging/core/error.h"

namespace flashline::transport {

/// A physical USB socket. A SuperSpeed socket has two sides in the kernel, and both are this one: the name is that of
/// its USB 2 side. Text form: "pci-0000:00:14.0/2.3", with a card reader's slot behind it as "#1".
struct PortPath {
  /// What the root hub hangs on, as udev's ID_PATH begins: "pci-0000:00:14.0", "platform-vhci_hcd.0". Bus numbers
  /// follow the order of probing and are of no use here.
  std::string controller;
  std::vector<std::uint8_t> chain;    ///< port numbers from the root hub on, each 1 to 255; at least one
  std::optional<std::uint8_t> lun{};  ///< which of a reader's card slots; nothing: the socket itself

  auto operator<=>(const PortPath&) const = default;

  /// The socket that a reader's card slot belongs to.
  PortPath socket() const { return {controller, chain, {}}; }
};

/// "pci-0000:00:14.0/2.3#1".
std::string to_text(const PortPath& port);

/// Reads the text form. Errors: port_path (what is wrong with it).
Result<PortPath> parse_port_path(std::string_view text);

}  // namespace flashline::transport
