#pragma once
// HID reports as serial download uses them: the id in front, OUT by SET_REPORT or an interrupt endpoint, IN by
// interrupts.

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

#include "imaging/core/error.h"
#include "transport/sdp/sdp_chip.h"
#include "transport/usb/byte_pipe.h"

namespace flashline::transport {

struct SdpOptions {
  std::chrono::milliseconds report{1000};  ///< one report; an answer is waited for twice as long
  std::chrono::milliseconds leave{200};    ///< after a jump, for the answer that only a refusal has
  /// Bytes of the boot image that the chip took, of how many. May be empty.
  std::function<void(std::uint64_t, std::uint64_t)> on_progress{};
};

/// Ids of reports.
enum class SdpReport : std::uint8_t { command = 1, data = 2, security = 3, status = 4 };

/// Errors of all calls: those of the pipe.
class SdpReports {
 public:
  /// `pipe` outlives it. Errors: usb_no_interface (the chip's interface lacks an endpoint that it must have).
  static Result<SdpReports> over(BytePipe& pipe, const SdpChip& chip, const SdpOptions& options);

  /// `payload` fits a report.
  asio::awaitable<Status> send(SdpReport id, std::span<const std::byte> payload);
  /// All of `data` in data reports, each full. `before`: what on_progress counts from, `total`: what to.
  asio::awaitable<Status> send_data(std::span<const std::byte> data, std::uint64_t before, std::uint64_t total);
  /// The first four bytes of the next report, which is `id`, as a little-endian number. Errors: sdp_reply.
  asio::awaitable<Result<std::uint32_t>> receive(SdpReport id);
  /// The same, asked once with `timeout`.
  asio::awaitable<Result<std::uint32_t>> receive_once(SdpReport id, std::chrono::milliseconds timeout);

 private:
  static constexpr std::size_t largest = 1025;

  SdpReports(BytePipe& pipe, const SdpChip& chip, const SdpOptions& options, std::uint8_t in, std::uint8_t out)
      : pipe_{&pipe}, chip_{chip}, options_{options}, in_{in}, out_{out} {}
  asio::awaitable<Status> send_made(SdpReport id, std::size_t size);

  BytePipe* pipe_;
  SdpChip chip_;
  SdpOptions options_;
  std::uint8_t in_;
  std::uint8_t out_;  ///< 0: by control requests
  std::array<std::byte, largest> report_{};
};

}  // namespace flashline::transport
