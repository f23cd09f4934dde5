#pragma once
// A USB device as its folder in /sys describes it. The kernel has read descriptors and strings already: nothing goes
// over the wire, nothing is opened, and a device that lies about lengths was cut to what it sent.

#include <filesystem>

#include "imaging/core/error.h"
#include "transport/block/inspect_target.h"
#include "transport/usb/usb_facts.h"

namespace flashline::transport {

/// `folder`: "/sys/bus/usb/devices/1-2.3". Errors: usb_gone (it is not there any more), usb_descriptor.
Result<UsbFacts> read_device_folder(const std::filesystem::path& folder, const Machine& machine = {});

}  // namespace flashline::transport
