#pragma once
// What is different on the ports between two looks at them.

#include <optional>
#include <vector>

#include "transport/discovery/usb_ports.h"

namespace flashline::transport {

struct PortChange {
  PortPath port{};
  std::optional<UsbPort> now{};  ///< nothing: the port is empty
  /// What was there before left in between: a board was taken out or put back, or a card was changed. The slot has
  /// another board then, even when it looks the same.
  bool left = false;
};

/// Of two lists as list_usb_ports() gives them; in the order of the ports.
std::vector<PortChange> changes_between(const std::vector<UsbPort>& before, const std::vector<UsbPort>& now);

}  // namespace flashline::transport
