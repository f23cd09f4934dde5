#pragma once
// Reads the descriptors that a device sent. Nothing in them is believed: a length that points past what arrived ends
// the reading there, and what was read before it stands (the Pi's boot ROMs announce 55 bytes and send 32).

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "imaging/core/error.h"
#include "transport/usb/usb_facts.h"

namespace flashline::transport {

/// The 18 bytes of a device descriptor, without strings. Errors: usb_descriptor (too short, no device descriptor).
Result<UsbFacts> read_device_descriptor(std::span<const std::byte> bytes);

/// Interfaces (alternate setting 0) and their endpoints out of a configuration descriptor as it arrived. At most 32 of
/// each. Errors: usb_descriptor (not a configuration, a descriptor of length 0 or 1).
Result<std::vector<UsbInterface>> read_configuration(std::span<const std::byte> bytes);

/// A string as shown in logs and records: control characters and what is not ASCII become '?'; at most 126 characters.
std::string shown_string(std::string_view raw);

}  // namespace flashline::transport
