#pragma once
// The USB side of the machine as a board's way up needs it: who is on a port, open it, wait for the next stage.

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "imaging/core/error.h"
#include "transport/usb/byte_pipe.h"
#include "transport/usb/usb_facts.h"

namespace flashline::transport {

/// Something changed on a port. `device` is nothing when it became empty. Events of one port come in their order; a
/// flapping board may skip states, never end in a wrong one.
struct UsbEvent {
  PortPath port{};
  std::optional<UsbFacts> device{};
};

/// All methods on executor().
class UsbHost {
 public:
  using Listener = std::function<void(const UsbEvent&)>;

  virtual ~UsbHost() = default;
  virtual asio::any_io_executor executor() = 0;

  /// What is plugged in now, hubs left out.
  virtual std::vector<UsbFacts> devices() const = 0;
  /// Calls `listener` for each change from now on, until the returned token is destroyed.
  [[nodiscard]] virtual std::shared_ptr<void> listen(Listener listener) = 0;

  /// Opens what is on `port` and claims its interface `interface` (a number from its facts). Kernel drivers are sent
  /// away. Retries for a while what udev has not finished. Errors: usb_gone, usb_access, usb_busy, usb_no_interface.
  virtual asio::awaitable<Result<std::unique_ptr<BytePipe>>> open(PortPath port, std::uint8_t interface) = 0;
};

}  // namespace flashline::transport
