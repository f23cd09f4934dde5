#pragma once
// The commands of serial download (SDP). Source: the boot chapters of NXP's reference manuals ("Serial Downloader").

#include <cstddef>
#include <cstdint>
#include <span>

#include "imaging/core/error.h"
#include "transport/sdp/sdp_reports.h"

namespace flashline::transport {

/// Errors of all calls: those of the pipe, and sdp_reply (an answer that the command does not have). After any of them
/// only a power cycle brings the chip back to its beginning.
class SdpRom {
 public:
  explicit SdpRom(SdpReports reports, bool has_limit) : reports_{std::move(reports)}, has_limit_{has_limit} {}

  /// True on a closed chip, which runs signed images only. Every command tells; this one does nothing else.
  asio::awaitable<Result<bool>> is_closed();
  asio::awaitable<Result<std::uint32_t>> read_register(std::uint32_t address);
  asio::awaitable<Status> write_register(std::uint32_t address, std::uint32_t value);
  /// `data` into the chip's memory, in as many commands as it takes.
  asio::awaitable<Status> write(std::uint32_t address, std::span<const std::byte> data);
  /// Has the chip run a DCD (the set-up of its memory), which is put at `scratch`.
  asio::awaitable<Status> run_dcd(std::uint32_t scratch, std::span<const std::byte> dcd);
  /// The next jump passes the image's DCD over: it was run already.
  asio::awaitable<Status> skip_dcd();
  /// Runs what stands at `address`. The chip leaves; that it went while it answered is success, too. Errors also:
  /// sdp_refused (it looked at the image and did not like it).
  asio::awaitable<Status> jump(std::uint32_t address, std::chrono::milliseconds leave);

 private:
  asio::awaitable<Status> command(std::uint16_t type, std::uint32_t address, std::uint32_t count, std::uint32_t value);
  asio::awaitable<Result<std::uint32_t>> answer(std::string_view name);
  asio::awaitable<Status> expect(std::string_view name, std::uint32_t code);

  SdpReports reports_;
  bool has_limit_;  ///< a boot ROM takes 2 MiB a command
  bool closed_ = false;
};

}  // namespace flashline::transport
