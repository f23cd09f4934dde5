#pragma once
// The two things that can be said to a Pi's boot stages: here are bytes, and what do you want.

#include <boost/asio/awaitable.hpp>
#include <cstddef>
#include <cstdint>
#include <span>

#include "imaging/core/error.h"
#include "transport/rpiboot/pi_chip.h"
#include "transport/rpiboot/rpiboot_times.h"
#include "transport/usb/byte_pipe.h"

namespace flashline::transport::detail {

class PiWire {
 public:
  /// `pipe` outlives it.
  PiWire(BytePipe& pipe, std::uint8_t out_endpoint, const RpibootTimes& times)
      : pipe_{pipe}, out_{out_endpoint}, times_{times} {}

  /// Says that `length` bytes come: the answer to a question for a size, too.
  asio::awaitable<Status> announce(std::uint64_t length);
  /// Announces and sends. `piece`: bytes of one transfer. Errors carry how far it came.
  asio::awaitable<Status> put(std::span<const std::byte> bytes, std::size_t piece);
  /// Lets the board fill `into`; how much of it came.
  asio::awaitable<Result<std::size_t>> get(std::span<std::byte> into);

  const RpibootTimes& times() const { return times_; }

 private:
  BytePipe& pipe_;
  std::uint8_t out_;
  RpibootTimes times_;
};

/// Most bytes that one announcement can say: the length's sign is the board's to read.
inline constexpr std::uint64_t most_announced = 0x7fff'ffff;

}  // namespace flashline::transport::detail
