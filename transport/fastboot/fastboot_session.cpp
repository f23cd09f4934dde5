#include "transport/fastboot/fastboot_session.h"

#include <algorithm>
#include <array>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/errors/fastboot.h"
#include "imaging/core/errors/usb.h"

namespace flashline::transport {
namespace {

using Kind = FastbootReply::Kind;
using Clock = std::chrono::steady_clock;

// A multiple of every packet size, longer than any answer: it ends with a short packet.
constexpr std::size_t reply_size = 4096;

Result<std::uint8_t> endpoint_of(const UsbInterface& interface, bool in) {
  const auto fits = [&](const UsbEndpoint& each) { return each.kind == UsbEndpoint::Kind::bulk && each.is_in() == in; };
  const auto found = std::ranges::find_if(interface.endpoints, fits);
  if (found == interface.endpoints.end()) {
    return fail(errc::fastboot_interface, fmt::format("interface {} has no bulk endpoint {} the host", interface.number,
                                                      in ? "towards" : "from"));
  }
  return found->address;
}

std::span<const std::byte> bytes_of(std::string_view words) { return std::as_bytes(std::span{words}); }

}  // namespace

const UsbInterface* fastboot_interface_of(const UsbFacts& device) { return device.find(0xff, 0x42, 0x03); }

bool is_pi_gadget(const UsbFacts& device) {
  return device.vendor == 0x18d1 && device.product == 0x4e40 && device.manufacturer == "Raspberry Pi" &&
         fastboot_interface_of(device) != nullptr;
}

Result<std::shared_ptr<FastbootSession>> FastbootSession::open(std::unique_ptr<BytePipe> pipe, FastbootTimes times,
                                                               OnLine on_line) {
  FL_TRY(const auto in, endpoint_of(pipe->interface(), true));
  FL_TRY(const auto out, endpoint_of(pipe->interface(), false));
  return std::shared_ptr<FastbootSession>{new FastbootSession{std::move(pipe), in, out, times, std::move(on_line)}};
}

asio::awaitable<Status> FastbootSession::say(std::string_view words) {
  auto said = co_await pipe_->out(out_, bytes_of(words), times_.command);
  if (!said) co_return std::unexpected{in_context(words, std::move(said).error())};
  co_return Status{};
}

asio::awaitable<Result<FastbootReply>> FastbootSession::answer(std::string_view words, Time timeout) {
  const auto end = Clock::now() + times_.in_all;
  std::array<std::byte, reply_size> packet{};
  for (std::size_t lines = 0; lines < times_.most_lines && Clock::now() < end; ++lines) {
    const auto got = co_await pipe_->in(in_, packet, timeout);
    if (!got) co_return std::unexpected{in_context(words, got.error())};
    if (*got == 0) continue;  // a packet of no length says nothing
    auto reply = parse_fastboot_reply(std::span{packet}.first(*got));
    if (!reply) co_return std::unexpected{in_context(words, std::move(reply).error())};
    if (reply->kind != Kind::line) co_return reply;
    if (on_line_) on_line_(reply->text);
  }
  co_return fail(errc::fastboot_endless, fmt::format("{}: lines without end", words));
}

asio::awaitable<Result<std::string>> FastbootSession::command(std::string words, Time timeout) {
  FL_CO_CHECK(co_await say(words));
  FL_CO_TRY(auto reply, co_await answer(words, timeout));
  if (reply.kind == Kind::okay) co_return std::move(reply.text);
  if (reply.kind == Kind::fail) co_return fail(errc::fastboot_refused, fmt::format("{}: {}", words, reply.text));
  co_return fail(errc::fastboot_reply, fmt::format("{}: the bootloader wants data", words));
}

asio::awaitable<Result<std::optional<std::string>>> FastbootSession::getvar(std::string name) {
  auto value = co_await command("getvar:" + name);
  if (value) co_return value->empty() ? std::nullopt : std::optional{std::move(*value)};
  if (value.error().code == errc::fastboot_refused) co_return std::nullopt;
  co_return std::unexpected{std::move(value).error()};
}

asio::awaitable<Status> FastbootSession::download(FastbootData data) {
  const std::string words = fmt::format("download:{:08x}", data.size);
  FL_CO_CHECK(co_await say(words));
  FL_CO_TRY(const auto ahead, co_await answer(words, times_.command));
  if (ahead.kind == Kind::fail) co_return fail(errc::fastboot_refused, fmt::format("{}: {}", words, ahead.text));
  if (ahead.kind != Kind::data || ahead.size != data.size) {
    co_return fail(errc::fastboot_data_length,
                   fmt::format("{}: the bootloader wants {} bytes", words, ahead.kind == Kind::data ? ahead.size : 0));
  }
  auto sent = co_await send(data);
  if (!sent) co_return std::unexpected{in_context(words, std::move(sent).error())};
  FL_CO_TRY(const auto taken, co_await answer(words, times_.command));
  if (taken.kind == Kind::okay) co_return Status{};
  if (taken.kind == Kind::fail) co_return fail(errc::fastboot_refused, fmt::format("{}: {}", words, taken.text));
  co_return fail(errc::fastboot_reply, fmt::format("{}: the bootloader wants data twice", words));
}

asio::awaitable<Status> FastbootSession::send(const FastbootData& data) {
  std::vector<std::byte> piece(static_cast<std::size_t>(std::min<std::uint64_t>(times_.piece_size, data.size)));
  for (std::uint64_t at = 0; at < data.size;) {
    const auto part =
        std::span{piece}.first(static_cast<std::size_t>(std::min<std::uint64_t>(piece.size(), data.size - at)));
    data.read(at, part);
    auto sent = co_await pipe_->out(out_, part, times_.piece);
    if (!sent) co_return std::unexpected{in_context(fmt::format("bytes from {} of {}", at, data.size), sent.error())};
    at += part.size();
  }
  co_return Status{};
}

asio::awaitable<Status> FastbootSession::flash(std::string partition) {
  FL_CO_TRY(const auto text, co_await command("flash:" + partition, times_.flash));
  co_return Status{};
}

asio::awaitable<Status> FastbootSession::erase(std::string partition) {
  FL_CO_TRY(const auto text, co_await command("erase:" + partition, times_.erase));
  co_return Status{};
}

asio::awaitable<Status> FastbootSession::reboot(std::string words) {
  const auto text = co_await command(std::move(words));
  if (!text && text.error().code != errc::usb_gone) co_return std::unexpected{text.error()};
  co_return Status{};
}

asio::awaitable<Status> FastbootSession::recover() {
  FL_CO_CHECK(co_await pipe_->reset());
  FL_CO_TRY(const auto version, co_await getvar("version"));
  co_return Status{};
}

}  // namespace flashline::transport
