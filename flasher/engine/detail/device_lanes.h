#pragma once
// Several operations of one device at once, watched from beside them.

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>

#include "flasher/engine/detail/signal.h"
#include "imaging/core/error.h"

namespace flashline::line::detail {

/// The clock of one device: since when it owes an answer.
class DeviceClock {
 public:
  explicit DeviceClock(Clock::duration stall) : stall_{stall} {}

  /// Awaits one operation of the device.
  asio::awaitable<Status> timed(asio::awaitable<Status> operation) {
    if (in_flight_++ == 0) since_ = Clock::now();
    Status status = co_await std::move(operation);
    --in_flight_;
    since_ = Clock::now();
    co_return status;
  }

  bool stalled() const { return in_flight_ > 0 && Clock::now() >= since_ + stall_; }
  /// When it is worth asking again.
  Clock::time_point look_at() const { return (in_flight_ > 0 ? since_ : Clock::now()) + stall_; }
  Clock::duration limit() const { return stall_; }

 private:
  Clock::duration stall_;
  Clock::time_point since_;
  std::size_t in_flight_ = 0;
};

/// Runs `lane` as `count` coroutines of `executor` and awaits them all; the first error is the answer. `owner` keeps
/// alive what the lanes use. A device that stalls is left behind with its lanes, which then own what the kernel may
/// still touch: device_timeout.
asio::awaitable<Status> in_lanes(asio::any_io_executor executor, std::shared_ptr<void> owner, DeviceClock& clock,
                                 std::size_t count, std::function<asio::awaitable<Status>()> lane);

}  // namespace flashline::line::detail
