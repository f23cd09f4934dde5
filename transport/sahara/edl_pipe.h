#pragma once
// The one bulk pair that Sahara and Firehose share.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>

#include "imaging/core/error.h"
#include "transport/usb/byte_pipe.h"

namespace flashline::transport {

/// Errors of all calls: those of the pipe, which outlives it.
class EdlPipe {
 public:
  /// Errors: usb_no_interface (the interface has no bulk pair).
  static Result<EdlPipe> over(BytePipe& pipe);

  /// All of `data`, and an empty packet behind what fills its last one: without it the board waits for more.
  asio::awaitable<Status> write(std::span<const std::byte> data, std::chrono::milliseconds timeout);
  /// One transfer.
  asio::awaitable<Result<std::size_t>> read(std::span<std::byte> into, std::chrono::milliseconds timeout);

 private:
  EdlPipe(BytePipe& pipe, std::uint8_t in, UsbEndpoint out) : pipe_{&pipe}, in_{in}, out_{out} {}

  BytePipe* pipe_;
  std::uint8_t in_;
  UsbEndpoint out_;
};

}  // namespace flashline::transport
