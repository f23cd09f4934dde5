#include "transport/sdp/sdp_reports.h"

#include <algorithm>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/errors/sdp.h"
#include "imaging/core/errors/usb.h"
#include "imaging/core/little_endian.h"

namespace flashline::transport {
namespace {

constexpr std::uint8_t class_request_out = 0x21;
constexpr std::uint8_t set_report = 9;
constexpr std::uint16_t output_report = 0x0200;

std::uint8_t endpoint_of(const UsbInterface& interface, bool in) {
  const auto found =
      std::ranges::find_if(interface.endpoints, [&](const UsbEndpoint& each) { return each.is_in() == in; });
  return found == interface.endpoints.end() ? std::uint8_t{0} : found->address;
}

}  // namespace

Result<SdpReports> SdpReports::over(BytePipe& pipe, const SdpChip& chip, const SdpOptions& options) {
  const std::uint8_t in = endpoint_of(pipe.interface(), true);
  const std::uint8_t out = endpoint_of(pipe.interface(), false);
  // A stream's ROM answers nothing, so that it needs no IN endpoint.
  if (in == 0 && chip.kind != SdpKind::sdps) return fail(errc::usb_no_interface, "no endpoint for the chip's answers");
  if (out == 0 && chip.out_endpoint) return fail(errc::usb_no_interface, "no endpoint for the boot image");
  return SdpReports{pipe, chip, options, in, out};
}

asio::awaitable<Status> SdpReports::send(SdpReport id, std::span<const std::byte> payload) {
  std::ranges::copy(payload, report_.begin() + 1);
  co_return co_await send_made(id, payload.size());
}

/// Sends the `size` bytes that lie in report_ behind the id.
asio::awaitable<Status> SdpReports::send_made(SdpReport id, std::size_t size) {
  report_[0] = static_cast<std::byte>(id);
  const auto report = std::span{report_}.first(1 + size);
  if (out_ != 0) co_return co_await pipe_->out(out_, report, options_.report);
  const UsbSetup setup{class_request_out, set_report,
                       static_cast<std::uint16_t>(output_report | static_cast<std::uint16_t>(id)),
                       pipe_->interface().number};
  co_return co_await pipe_->control_out(setup, report, options_.report);
}

asio::awaitable<Status> SdpReports::send_data(std::span<const std::byte> data, std::uint64_t before,
                                              std::uint64_t total) {
  const std::size_t size = chip_.report_size();
  for (std::size_t at = 0; at < data.size(); at += size) {
    const auto piece = data.subspan(at, std::min(size, data.size() - at));
    // Some ROMs wait for a full report, whatever the count of the command said.
    std::ranges::fill(std::ranges::copy(piece, report_.begin() + 1).out,
                      report_.begin() + 1 + static_cast<std::ptrdiff_t>(size), std::byte{0});
    auto sent = co_await send_made(SdpReport::data, size);
    if (!sent) {
      co_return std::unexpected{
          in_context(fmt::format("{} of {} bytes of the boot image", before + at, total), std::move(sent).error())};
    }
    if (options_.on_progress) options_.on_progress(before + at + piece.size(), total);
  }
  co_return Status{};
}

asio::awaitable<Result<std::uint32_t>> SdpReports::receive(SdpReport id) {
  auto answer = co_await receive_once(id, options_.report);
  // Only an answer is asked for again: a report that went out may have arrived.
  if (!answer && answer.error().code == errc::usb_timeout) answer = co_await receive_once(id, options_.report);
  co_return answer;
}

asio::awaitable<Result<std::uint32_t>> SdpReports::receive_once(SdpReport id, std::chrono::milliseconds timeout) {
  std::array<std::byte, 65> report{};
  FL_CO_TRY(const std::size_t size, co_await pipe_->in(in_, report, timeout));
  if (size < 5 || report[0] != static_cast<std::byte>(id)) {
    co_return fail(errc::sdp_reply,
                   fmt::format("waited for report {}, got {} bytes of report {}", static_cast<unsigned>(id), size,
                               size == 0 ? 0U : std::to_integer<unsigned>(report[0])));
  }
  co_return load32(std::span{report}.subspan(1));
}

}  // namespace flashline::transport
