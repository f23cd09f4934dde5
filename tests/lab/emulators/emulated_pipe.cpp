#include "tests/lab/emulators/emulated_pipe.h"

#include <algorithm>
#include <spdlog/fmt/fmt.h>

namespace flashline::lab {
namespace {

constexpr int questions = 8;

lab::Setup whole(transport::UsbSetup setup, std::size_t length) {
  return {setup.request_type, setup.request, setup.value, setup.index, static_cast<std::uint16_t>(length)};
}

Result<std::size_t> fill(std::span<std::byte> into, const Bytes& data) {
  if (data.size() > into.size()) return fail(errc::usb_link, "the board sent more than was asked for");
  std::ranges::copy(data, into.begin());
  return data.size();
}

bool asks_for_string(const lab::Setup& setup) {
  return setup.request_type == 0x80 && setup.request == 6 && setup.value >> 8U == 3;
}

/// A string descriptor as a carrier of the device answers it.
Reply string_of(const Descriptors& descriptors, const lab::Setup& setup) {
  const auto found = descriptors.strings.find(static_cast<std::uint8_t>(setup.value & 0xffU));
  if (found == descriptors.strings.end()) return Reply::refuse();
  Bytes bytes{static_cast<std::byte>(2 + 2 * found->second.size()), std::byte{3}};
  for (const char letter : found->second) bytes.insert(bytes.end(), {static_cast<std::byte>(letter), std::byte{0}});
  bytes.resize(std::min<std::size_t>(bytes.size(), setup.length));
  return Reply::answer(std::move(bytes));
}

}  // namespace

EmulatedPipe::EmulatedPipe(std::shared_ptr<EmulatedDevice> device, transport::PortPath port, std::uint8_t interface,
                           std::size_t piece)
    : device_{std::move(device)},
      facts_{facts_of(device_->descriptors(), std::move(port))},
      interface_{interface},
      piece_{piece} {}

template <class Ask>
Result<Reply> EmulatedPipe::asked(Ask ask) {
  if (gone_ || device_->leaves()) {
    gone_ = true;
    return fail(errc::usb_gone, "the board left its port");
  }
  for (int question = 0; question < questions; ++question) {
    Reply reply = ask();
    if (reply.kind == Reply::Kind::done) return reply;
    if (device_->leaves()) return fail(errc::usb_gone, "the board left its port");
    if (reply.kind == Reply::Kind::stall) return fail(errc::usb_stall, "the board refused the request");
    if (reply.kind == Reply::Kind::error) return fail(errc::usb_link, "the link failed");
  }
  return fail(errc::usb_timeout, "the board does not answer");
}

transport::asio::awaitable<Status> EmulatedPipe::control_out(Setup setup, std::span<const std::byte> data, Timeout) {
  auto reply = asked([&] { return device_->control(whole(setup, data.size()), data); });
  if (!reply) co_return std::unexpected{reply.error()};
  co_return Status{};
}

transport::asio::awaitable<Result<std::size_t>> EmulatedPipe::control_in(Setup setup, std::span<std::byte> into,
                                                                         Timeout) {
  const lab::Setup asked_for = whole(setup, into.size());
  auto reply = asked([&] {
    return asks_for_string(asked_for) ? string_of(device_->descriptors(), asked_for) : device_->control(asked_for, {});
  });
  if (!reply) co_return std::unexpected{reply.error()};
  co_return fill(into, reply->data);
}

transport::asio::awaitable<Status> EmulatedPipe::out(std::uint8_t endpoint, std::span<const std::byte> data, Timeout) {
  std::size_t sent = 0;
  do {
    const auto piece = data.subspan(sent, std::min(piece_, data.size() - sent));
    auto reply = asked([&] { return device_->out(endpoint & 0x0fU, piece); });
    if (!reply) co_return std::unexpected{reply.error()};
    sent += reply->taken;
    if (reply->taken < piece.size()) {
      co_return fail(errc::usb_short, fmt::format("the board took {} of {} bytes", sent, data.size()));
    }
  } while (sent < data.size());
  co_return Status{};
}

transport::asio::awaitable<Result<std::size_t>> EmulatedPipe::in(std::uint8_t endpoint, std::span<std::byte> into,
                                                                 Timeout) {
  auto reply = asked([&] { return device_->in(endpoint & 0x0fU, into.size()); });
  if (!reply) co_return std::unexpected{reply.error()};
  co_return fill(into, reply->data);
}

transport::asio::awaitable<Status> EmulatedPipe::clear_halt(std::uint8_t) {
  if (gone_) co_return fail(errc::usb_gone, "the board left its port");
  co_return Status{};
}

transport::asio::awaitable<Status> EmulatedPipe::reset() {
  if (gone_) co_return fail(errc::usb_gone, "the board left its port");
  ++resets_;
  device_->reset();
  co_return Status{};
}

}  // namespace flashline::lab
