#include "transport/sdp/sdp_rom.h"

#include <algorithm>
#include <array>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/errors/sdp.h"
#include "imaging/core/errors/usb.h"
#include "imaging/core/units.h"

namespace flashline::transport {
namespace {

constexpr std::uint16_t type_read_register = 0x0101;
constexpr std::uint16_t type_write_register = 0x0202;
constexpr std::uint16_t type_write_file = 0x0404;
constexpr std::uint16_t type_status = 0x0505;
constexpr std::uint16_t type_dcd = 0x0a0a;
constexpr std::uint16_t type_jump = 0x0b0b;
constexpr std::uint16_t type_skip_dcd = 0x0c0c;

constexpr std::uint32_t says_open = 0x56787856;
constexpr std::uint32_t says_closed = 0x12343412;
constexpr std::uint32_t says_written = 0x128a8a12;
constexpr std::uint32_t says_complete = 0x88888888;
constexpr std::uint32_t says_ok = 0x900dd009;

constexpr std::size_t most_of_a_write = 2_MiB;
constexpr std::byte word_format{32};

void put_big(std::span<std::byte> at, std::uint32_t value) {
  for (int byte = 3; byte >= 0; --byte, value >>= 8U)
    at[static_cast<std::size_t>(byte)] = static_cast<std::byte>(value & 0xffU);
}

std::array<std::byte, 16> packet(std::uint16_t type, std::uint32_t address, std::uint32_t count, std::uint32_t value) {
  std::array<std::byte, 16> bytes{};
  bytes[0] = bytes[1] = static_cast<std::byte>(type & 0xffU);
  put_big(std::span{bytes}.subspan(2, 4), address);
  if (type == type_read_register || type == type_write_register) bytes[6] = word_format;
  put_big(std::span{bytes}.subspan(7, 4), count);
  put_big(std::span{bytes}.subspan(11, 4), value);
  return bytes;
}

}  // namespace

asio::awaitable<Status> SdpRom::command(std::uint16_t type, std::uint32_t address, std::uint32_t count,
                                        std::uint32_t value) {
  const auto bytes = packet(type, address, count, value);
  co_return co_await reports_.send(SdpReport::command, bytes);
}

/// Both reports that end a command: the chip's state, and the command's own answer.
asio::awaitable<Result<std::uint32_t>> SdpRom::answer(std::string_view name) {
  FL_CO_TRY(const std::uint32_t state, co_await reports_.receive(SdpReport::security));
  if (state != says_open && state != says_closed) {
    co_return fail(errc::sdp_reply, fmt::format("{}: the chip says that its state is {:08x}", name, state));
  }
  closed_ = state == says_closed;
  co_return co_await reports_.receive(SdpReport::status);
}

asio::awaitable<Status> SdpRom::expect(std::string_view name, std::uint32_t code) {
  FL_CO_TRY(const std::uint32_t said, co_await answer(name));
  if (said != code)
    co_return fail(errc::sdp_reply, fmt::format("{}: the chip says {:08x}, not {:08x}", name, said, code));
  co_return Status{};
}

asio::awaitable<Result<bool>> SdpRom::is_closed() {
  FL_CO_CHECK(co_await command(type_status, 0, 0, 0));
  FL_CO_TRY([[maybe_unused]] const std::uint32_t code, co_await answer("status"));
  co_return closed_;
}

asio::awaitable<Result<std::uint32_t>> SdpRom::read_register(std::uint32_t address) {
  FL_CO_CHECK(co_await command(type_read_register, address, 4, 0));
  co_return co_await answer("read register");
}

asio::awaitable<Status> SdpRom::write_register(std::uint32_t address, std::uint32_t value) {
  FL_CO_CHECK(co_await command(type_write_register, address, 4, value));
  co_return co_await expect("write register", says_written);
}

asio::awaitable<Status> SdpRom::write(std::uint32_t address, std::span<const std::byte> data) {
  const std::size_t most = has_limit_ ? most_of_a_write : data.size();
  for (std::size_t at = 0; at < data.size(); at += most) {
    const auto piece = data.subspan(at, std::min(most, data.size() - at));
    FL_CO_CHECK(co_await command(type_write_file, address + static_cast<std::uint32_t>(at),
                                 static_cast<std::uint32_t>(piece.size()), 0));
    FL_CO_CHECK(co_await reports_.send_data(piece, at, data.size()));
    FL_CO_CHECK(co_await expect("write file", says_complete));
  }
  co_return Status{};
}

asio::awaitable<Status> SdpRom::run_dcd(std::uint32_t scratch, std::span<const std::byte> dcd) {
  FL_CO_CHECK(co_await command(type_dcd, scratch, static_cast<std::uint32_t>(dcd.size()), 0));
  FL_CO_CHECK(co_await reports_.send_data(dcd, 0, dcd.size()));
  co_return co_await expect("DCD", says_written);
}

asio::awaitable<Status> SdpRom::skip_dcd() {
  FL_CO_CHECK(co_await command(type_skip_dcd, 0, 0, 0));
  co_return co_await expect("skip DCD", says_ok);
}

asio::awaitable<Status> SdpRom::jump(std::uint32_t address, std::chrono::milliseconds leave) {
  FL_CO_CHECK(co_await command(type_jump, address, 0, 0));
  const auto state = co_await reports_.receive(SdpReport::security);
  if (!state) {
    // The chip runs the image already: a transfer on a port that is being left ends as a broken link, or as no device.
    const Errc code = state.error().code;
    if (code == errc::usb_gone || code == errc::usb_link) co_return Status{};
    co_return std::unexpected{state.error()};
  }
  if (*state != says_open && *state != says_closed) {
    co_return fail(errc::sdp_reply, fmt::format("jump: the chip says that its state is {:08x}", *state));
  }
  const auto refusal = co_await reports_.receive_once(SdpReport::status, leave);
  if (!refusal) co_return Status{};
  co_return fail(errc::sdp_refused,
                 fmt::format("the chip does not run the image at {:08x}: its HAB says {:08x}", address, *refusal));
}

}  // namespace flashline::transport
