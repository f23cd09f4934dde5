#pragma once
// What is on one port now, and how to wait for what comes there.

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>

#include "transport/usb/usb_host.h"

namespace flashline::line {

/// On the host's executor.
class PortState {
 public:
  PortState(transport::UsbHost& host, transport::PortPath port);
  ~PortState();
  PortState(const PortState&) = delete;
  PortState& operator=(const PortState&) = delete;

  const transport::PortPath& port() const;
  const std::optional<transport::UsbFacts>& now() const;
  /// Counts up with each change of the port; 1 when nothing changed yet.
  std::uint64_t generation() const;

  /// The device that is there, or comes within `limit`, and was not there at generation `seen` (0: any).
  boost::asio::awaitable<std::optional<transport::UsbFacts>> device_after(std::uint64_t seen,
                                                                          std::chrono::milliseconds limit);

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;
  std::shared_ptr<void> listening_;
};

}  // namespace flashline::line
