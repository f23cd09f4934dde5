#pragma once
// Says when something comes to or goes from a USB port. The kernel's events only say that it is time to look; what is
// there is read from /sys, so that a board that flaps, an event that is lost or one too many leave no wrong picture.

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <set>
#include <vector>

#include "transport/discovery/port_changes.h"

namespace flashline::transport {

namespace asio = boost::asio;

struct PortWatcherOptions {
  Machine machine{};
  /// Looks without an event, where nobody else would tell: udev is not heard, or a reader is not polled by the kernel.
  std::chrono::milliseconds sweep{1000};
  std::chrono::milliseconds calm_sweep{5000};  ///< where events tell everything: only the safety net
  std::chrono::milliseconds settle{50};        ///< from an event to the look: others follow at once
  bool events = true;                          ///< listen to udev; false: sweeps only
};

class PortWatcher {
 public:
  /// All changes of one look. Called on the executor.
  using Listener = std::function<void(const std::vector<PortChange>&)>;

  /// Looks on `blocking`, since /sys may be slow; everything else happens on `executor`.
  PortWatcher(asio::any_io_executor executor, asio::any_io_executor blocking, PortWatcherOptions options);
  /// Needs the executor to be idle, or stop() to have been called on it.
  ~PortWatcher();

  /// Begins. The first look tells everything that is plugged in as come.
  void start(Listener listener);
  /// Ends the looks. Called on the executor, or before start().
  void stop();
  /// Media of these ports may be opened for reading where the kernel does not poll their reader: only then it notices
  /// that a card was changed. Other ports are never opened.
  void open_media_of(std::set<PortPath> ports);

  /// As of the last look.
  const std::vector<UsbPort>& ports() const;
  /// See find_port().
  const UsbPort* find(const PortPath& port) const;
  /// Whether udev's events are heard; without them only sweeps notice what happens.
  bool hears_events() const;

 private:
  class Core;
  std::shared_ptr<Core> core_;
};

}  // namespace flashline::transport
