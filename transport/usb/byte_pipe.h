#pragma once
// What a protocol needs of USB: control requests, bytes out, bytes in, and that the board may be gone at any moment.
// libusb stands behind it on a station; in tests a program plays the board.

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "imaging/core/error.h"
#include "transport/usb/usb_facts.h"

namespace flashline::transport {

namespace asio = boost::asio;

/// The setup of a control request without its length, which is that of the data.
struct UsbSetup {
  std::uint8_t request_type = 0;
  std::uint8_t request = 0;
  std::uint16_t value = 0;
  std::uint16_t index = 0;
};

/// An opened device with one interface claimed. One owner, one strand; one transfer a direction at a time from the
/// caller's side (an implementation cuts a large one into several in flight). Memory given stays valid until the call
/// completes. Destroying it releases the interface; a transfer must not be pending.
/// Errors of every call: usb_gone (the board left; nothing works any more), usb_stall, usb_timeout, usb_link,
/// usb_memory, cancelled. After an error of out() or in() it is unknown how much of it the board saw: go on at the
/// last thing the protocol acknowledged, never inside a transfer.
class BytePipe {
 public:
  using Timeout = std::chrono::milliseconds;

  virtual ~BytePipe() = default;
  virtual const UsbFacts& facts() const = 0;
  /// The interface that was claimed.
  virtual const UsbInterface& interface() const = 0;

  virtual asio::awaitable<Status> control_out(UsbSetup setup, std::span<const std::byte> data, Timeout timeout) = 0;
  /// How many bytes came; fewer than asked for is no error.
  virtual asio::awaitable<Result<std::size_t>> control_in(UsbSetup setup, std::span<std::byte> into,
                                                          Timeout timeout) = 0;
  /// Sends all of `data`; empty data is a packet of no length. The board took it all, or usb_short. `timeout` is for
  /// the whole call. Goes to a bulk or interrupt endpoint of the interface, whichever `endpoint` is.
  virtual asio::awaitable<Status> out(std::uint8_t endpoint, std::span<const std::byte> data, Timeout timeout) = 0;
  /// One transfer in: ends with a short packet or when `into` is full.
  virtual asio::awaitable<Result<std::size_t>> in(std::uint8_t endpoint, std::span<std::byte> into,
                                                  Timeout timeout) = 0;

  /// Ends a stall of this endpoint.
  virtual asio::awaitable<Status> clear_halt(std::uint8_t endpoint) = 0;
  /// Resets the port; the same stage answers again, or usb_gone.
  virtual asio::awaitable<Status> reset() = 0;
};

}  // namespace flashline::transport
