#include "transport/usb/detail/libusb_pipe.h"

#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <libusb-1.0/libusb.h>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/errors/usb.h"
#include "transport/block/detail/block_devices.h"

namespace flashline::transport::detail {
namespace {

constexpr std::size_t pieces_in_flight = 4;
constexpr std::size_t small = 16 * 1024;
constexpr int looks = 6;
constexpr std::chrono::milliseconds look_pause{50};

std::vector<std::byte> with_setup(UsbSetup setup, std::size_t length, std::span<const std::byte> data) {
  const auto low = [](unsigned value) { return static_cast<std::byte>(value & 0xffU); };
  const auto high = [](unsigned value) { return static_cast<std::byte>(value >> 8U); };
  const auto count = static_cast<unsigned>(length);
  std::vector<std::byte> bytes{low(setup.request_type), low(setup.request), low(setup.value), high(setup.value),
                               low(setup.index),        high(setup.index),  low(count),       high(count)};
  bytes.insert(bytes.end(), data.begin(), data.end());
  return bytes;
}

std::string control_text(UsbSetup setup, std::size_t length) {
  return fmt::format("control request {:02x} {:02x} {:04x} {:04x} {}", setup.request_type, setup.request, setup.value,
                     setup.index, length);
}

std::shared_ptr<TransferPieces> make_pieces(const std::shared_ptr<LibusbDevice>& device, std::size_t size,
                                            std::size_t count, bool from_kernel) {
  auto pieces = std::make_shared<TransferPieces>();
  for (std::size_t each = 0; each < count; ++each) {
    pieces->push_back(std::make_unique<TransferPiece>(device, size, from_kernel));
  }
  return pieces;
}

}  // namespace

LibusbPipe::LibusbPipe(asio::any_io_executor executor, std::shared_ptr<LibusbDevice> device, UsbFacts facts,
                       std::uint8_t interface, std::filesystem::path folder, unsigned address)
    : executor_{std::move(executor)},
      context_{device->shared_context()},
      device_{std::move(device)},
      facts_{std::move(facts)},
      interface_{&*std::ranges::find(facts_.interfaces, interface, &UsbInterface::number)},
      folder_{std::move(folder)},
      address_{address} {}

TransferCall::Kind LibusbPipe::kind_of(std::uint8_t endpoint) const {
  const auto found = std::ranges::find(interface_->endpoints, endpoint, &UsbEndpoint::address);
  const bool interrupt = found != interface_->endpoints.end() && found->kind == UsbEndpoint::Kind::interrupt;
  return interrupt ? TransferCall::Kind::interrupt : TransferCall::Kind::bulk;
}

/// Small calls get by with one small piece; for the first large one the pipe takes its share of the kernel's memory.
std::shared_ptr<TransferPieces> LibusbPipe::pieces_for(std::shared_ptr<TransferPieces>& kept, std::size_t bytes,
                                                       std::size_t count) {
  const bool large = bytes > small;
  if (!kept || (large && kept->front()->size() == small)) {
    const std::size_t size = context_->share() / pieces_in_flight;
    kept = large ? make_pieces(device_, std::max(size, 2 * small), count, true) : make_pieces(device_, small, 1, false);
  }
  return kept;
}

asio::awaitable<Status> LibusbPipe::control_out(UsbSetup setup, std::span<const std::byte> data, Timeout timeout) {
  const auto bytes = with_setup(setup, data.size(), data);
  if (!device_) co_return usb_error(LIBUSB_ERROR_NO_DEVICE, control_text(setup, data.size()));
  auto done = co_await run(make_pieces(device_, bytes.size(), 1, false),
                           {.kind = TransferCall::Kind::control, .out = bytes, .timeout = timeout},
                           control_text(setup, data.size()));
  if (!done) co_return std::unexpected{done.error()};
  co_return Status{};
}

asio::awaitable<Result<std::size_t>> LibusbPipe::control_in(UsbSetup setup, std::span<std::byte> into,
                                                            Timeout timeout) {
  const auto bytes = with_setup(setup, into.size(), {});
  if (!device_) co_return usb_error(LIBUSB_ERROR_NO_DEVICE, control_text(setup, into.size()));
  co_return co_await run(make_pieces(device_, bytes.size() + into.size(), 1, false),
                         {.kind = TransferCall::Kind::control, .out = bytes, .in = into, .timeout = timeout},
                         control_text(setup, into.size()));
}

asio::awaitable<Status> LibusbPipe::out(std::uint8_t endpoint, std::span<const std::byte> data, Timeout timeout) {
  const std::string what = fmt::format("{} bytes to endpoint {:#04x}", data.size(), endpoint);
  if (!device_) co_return usb_error(LIBUSB_ERROR_NO_DEVICE, what);
  auto done = co_await run(pieces_for(out_pieces_, data.size(), pieces_in_flight),
                           {.kind = kind_of(endpoint), .endpoint = endpoint, .out = data, .timeout = timeout}, what);
  if (!done) co_return std::unexpected{done.error()};
  co_return Status{};
}

asio::awaitable<Result<std::size_t>> LibusbPipe::in(std::uint8_t endpoint, std::span<std::byte> into, Timeout timeout) {
  const std::string what = fmt::format("up to {} bytes from endpoint {:#04x}", into.size(), endpoint);
  if (!device_) co_return usb_error(LIBUSB_ERROR_NO_DEVICE, what);
  co_return co_await run(pieces_for(in_pieces_, into.size(), 1),
                         {.kind = kind_of(endpoint), .endpoint = endpoint, .in = into, .timeout = timeout}, what);
}

asio::awaitable<Result<std::size_t>> LibusbPipe::run(std::shared_ptr<TransferPieces> pieces, TransferCall call,
                                                     std::string what) {
  const TransferResult result = co_await transfer(executor_, device_, std::move(pieces), call);
  if (result.error == 0) co_return result.bytes;
  if (result.error == LIBUSB_ERROR_INTERRUPTED)
    co_return usb_error(result.error, what);  // nothing can be awaited any more
  if (result.shorter) co_return fail(errc::usb_short, what + ": the board did not take them all");
  co_return co_await failed(result.error, std::move(what));
}

/// After an error of the link the kernel needs a moment to notice that the board was pulled out.
asio::awaitable<Result<std::size_t>> LibusbPipe::failed(int code, std::string what) {
  const bool link = code == LIBUSB_ERROR_IO || code == LIBUSB_ERROR_OTHER;
  if (link && co_await leaves_soon()) code = LIBUSB_ERROR_NO_DEVICE;
  if (code == LIBUSB_ERROR_NO_DEVICE || code == LIBUSB_ERROR_NOT_FOUND) {
    out_pieces_.reset();
    in_pieces_.reset();
    device_.reset();
  }
  co_return usb_error(code, what);
}

asio::awaitable<bool> LibusbPipe::leaves_soon() {
  asio::steady_timer pause{executor_};
  for (int look = 0; look < looks; ++look) {
    if (first_line(folder_ / "devnum") != std::to_string(address_)) co_return true;
    pause.expires_after(look_pause);
    co_await pause.async_wait(asio::use_awaitable);
  }
  co_return false;
}

asio::awaitable<Status> LibusbPipe::on_device(int (*call)(LibusbDevice&, std::uint8_t), std::uint8_t endpoint,
                                              std::string what) {
  if (!device_) co_return usb_error(LIBUSB_ERROR_NO_DEVICE, what);
  const int code = co_await context_->on_thread([device = device_, call, endpoint] { return call(*device, endpoint); });
  if (code == 0) co_return Status{};
  auto error = co_await failed(code, std::move(what));
  co_return std::unexpected{error.error()};
}

asio::awaitable<Status> LibusbPipe::clear_halt(std::uint8_t endpoint) {
  const auto call = [](LibusbDevice& device, std::uint8_t at) { return libusb_clear_halt(device.handle(), at); };
  return on_device(call, endpoint, fmt::format("ending the stall of endpoint {:#04x}", endpoint));
}

asio::awaitable<Status> LibusbPipe::reset() {
  const auto call = [](LibusbDevice& device, std::uint8_t) { return libusb_reset_device(device.handle()); };
  return on_device(call, 0, "resetting the port");
}

}  // namespace flashline::transport::detail
