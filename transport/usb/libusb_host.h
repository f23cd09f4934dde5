#pragma once
// The machine's USB ports through libusb. That something changed is told by libusb's hotplug, and by a look once a
// second should an event be lost; what changed is read from /sys, so that a flapping board never leaves a wrong
// picture.

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <memory>

#include "imaging/core/error.h"
#include "transport/block/inspect_target.h"
#include "transport/usb/usb_host.h"

namespace flashline::transport {

struct LibusbOptions {
  Machine machine{};
  std::chrono::milliseconds sweep{1000};  ///< looks without an event
  std::chrono::milliseconds settle{20};   ///< from an event to the look: others follow at once
  /// open() tries again for so long what is plugged in and udev has not finished: seconds, where many boards come at
  /// once. What left ends it at once.
  std::chrono::milliseconds open_for{10000};
};

/// The first look is done when this returns: devices() is complete. `executor` runs on one thread or is a strand; pipes
/// may outlive the host. Errors: usb_access (libusb does not start).
Result<std::unique_ptr<UsbHost>> make_libusb_host(asio::any_io_executor executor, LibusbOptions options = {});

}  // namespace flashline::transport
