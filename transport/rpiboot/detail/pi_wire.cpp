#include "transport/rpiboot/detail/pi_wire.h"

#include <algorithm>
#include <spdlog/fmt/fmt.h>

namespace flashline::transport::detail {
namespace {

/// A vendor request to the device whose value and index are the halves of a length.
UsbSetup setup_of(std::uint8_t request_type, std::uint64_t length) {
  return {.request_type = request_type,
          .request = 0,
          .value = static_cast<std::uint16_t>(length & 0xffffU),
          .index = static_cast<std::uint16_t>(length >> 16U & 0xffffU)};
}

}  // namespace

asio::awaitable<Status> PiWire::announce(std::uint64_t length) {
  return pipe_.control_out(setup_of(0x40, length), {}, times_.control);
}

asio::awaitable<Status> PiWire::put(std::span<const std::byte> bytes, std::size_t piece) {
  FL_CO_CHECK(co_await announce(bytes.size()));
  for (std::size_t sent = 0; sent < bytes.size();) {
    const auto part = bytes.subspan(sent, std::min(piece, bytes.size() - sent));
    auto status = co_await pipe_.out(out_, part, times_.piece);
    if (!status) {
      co_return std::unexpected{
          in_context(fmt::format("bytes {} to {} of {}", sent, sent + part.size(), bytes.size()), status.error())};
    }
    sent += part.size();
  }
  co_return Status{};
}

asio::awaitable<Result<std::size_t>> PiWire::get(std::span<std::byte> into) {
  return pipe_.control_in(setup_of(0xC0, into.size()), into, times_.request);
}

}  // namespace flashline::transport::detail
