#include "transport/sahara/sahara.h"

#include <algorithm>
#include <array>
#include <optional>
#include <spdlog/fmt/fmt.h>
#include <vector>

#include "imaging/core/errors/sahara.h"
#include "imaging/core/errors/usb.h"
#include "imaging/core/little_endian.h"
#include "transport/sahara/edl_pipe.h"
#include "transport/sahara/sahara_packet.h"

namespace flashline::transport {
namespace {

using Bytes = std::span<const std::byte>;

constexpr std::uint32_t command_serial = 1;
// Chips read headers and some segments twice; one that goes on and on is broken.
constexpr std::uint64_t most_readings = 8;

class Session {
 public:
  Session(EdlPipe pipe, Bytes programmer, SaharaOptions options)
      : pipe_{pipe}, programmer_{programmer}, options_{std::move(options)} {}

  asio::awaitable<Result<SaharaOutcome>> run() {
    auto outcome = co_await load();
    // Some chips say hello again after this; the others have to be powered off anyway.
    if (!outcome && outcome.error().code != errc::usb_gone) {
      const auto bytes = sahara_reset();
      (void)co_await pipe_.write(bytes, options_.packet);
    }
    co_return outcome;
  }

 private:
  asio::awaitable<Result<SaharaOutcome>> load() {
    FL_CO_TRY(const bool said_hello, co_await first_packet());
    if (!said_hello) co_return SaharaOutcome{.firehose_runs = true};
    if (options_.ask_serial) {
      FL_CO_CHECK(co_await ask_serial());
    } else {
      FL_CO_CHECK(co_await send(sahara_hello_response(sahara_mode_image)));
    }
    FL_CO_CHECK(co_await serve());
    co_return outcome_;
  }

  asio::awaitable<Status> send(std::vector<std::byte> packet) {
    co_return co_await pipe_.write(packet, options_.packet);
  }

  asio::awaitable<Result<SaharaPacket>> receive() {
    if (held_) co_return *std::exchange(held_, std::nullopt);
    std::array<std::byte, 4096> bytes{};
    FL_CO_TRY(const std::size_t size, co_await pipe_.read(bytes, options_.packet));
    co_return read_sahara_packet(std::span{bytes}.first(size));
  }

  /// False: what answers is no boot ROM.
  asio::awaitable<Result<bool>> first_packet() {
    std::array<std::byte, 4096> bytes{};
    const auto size = co_await pipe_.read(bytes, options_.packet);
    if (!size && size.error().code == errc::usb_timeout) co_return false;
    if (!size) co_return std::unexpected{size.error()};
    if (*size >= 5 && std::ranges::equal(std::span{bytes}.first(5), std::as_bytes(std::span{"<?xml", 5})))
      co_return false;
    FL_CO_TRY(const SaharaPacket packet, read_sahara_packet(std::span{bytes}.first(*size)));
    co_return co_await greeted(packet);
  }

  asio::awaitable<Result<bool>> greeted(SaharaPacket packet) {
    const auto* hello = std::get_if<SaharaHello>(&packet);
    if (hello == nullptr) co_return fail(errc::sahara_reply, "the first packet is no hello");
    if (hello->mode == sahara_mode_memory_debug) co_return fail(errc::sahara_mode, "it offers a dump of its memory");
    outcome_.version = hello->version;
    co_return true;
  }

  /// Answers the hello with a wish for commands, asks for the serial and has the chip say hello again.
  asio::awaitable<Status> ask_serial() {
    FL_CO_CHECK(co_await send(sahara_hello_response(sahara_mode_command)));
    FL_CO_TRY(const SaharaPacket packet, co_await receive());
    if (std::holds_alternative<SaharaReady>(packet)) {
      FL_CO_CHECK(co_await execute_serial());
      FL_CO_CHECK(co_await send(sahara_switch_mode(sahara_mode_image)));
    } else if (std::holds_alternative<SaharaRead>(packet)) {
      held_ = packet;  // It knows no commands and began at once.
      co_return Status{};
    } else {
      FL_CO_CHECK(co_await send(sahara_reset()));
      FL_CO_TRY(const SaharaPacket reset, co_await receive());
      if (!std::holds_alternative<SaharaResetDone>(reset)) co_return fail(errc::sahara_reply, "no answer to a reset");
    }
    FL_CO_TRY(const SaharaPacket again, co_await receive());
    FL_CO_TRY([[maybe_unused]] const bool hello, co_await greeted(again));
    co_return co_await send(sahara_hello_response(sahara_mode_image));
  }

  asio::awaitable<Status> execute_serial() {
    FL_CO_CHECK(co_await send(sahara_execute(command_serial)));
    FL_CO_TRY(const SaharaPacket packet, co_await receive());
    const auto* executed = std::get_if<SaharaExecuted>(&packet);
    if (executed == nullptr || executed->command != command_serial || executed->length < 4 || executed->length > 64) {
      co_return fail(errc::sahara_reply, "the answer to the question for the serial is none");
    }
    FL_CO_CHECK(co_await send(sahara_execute_data(command_serial)));
    std::array<std::byte, 512> data{};
    FL_CO_TRY(const std::size_t size, co_await pipe_.read(data, options_.packet));
    if (size != executed->length)
      co_return fail(errc::sahara_reply, fmt::format("a serial of {} bytes, {} came", executed->length, size));
    outcome_.serial = fmt::format("{:08X}", load32(data));
    co_return Status{};
  }

  asio::awaitable<Status> serve() {
    for (;;) {
      FL_CO_TRY(const SaharaPacket packet, co_await receive());
      if (const auto* wanted = std::get_if<SaharaRead>(&packet)) {
        FL_CO_CHECK(co_await give(*wanted));
      } else if (const auto* end = std::get_if<SaharaEnd>(&packet)) {
        if (end->status != 0)
          co_return fail(errc::sahara_refused,
                         fmt::format("the chip does not run the programmer: status {:#x}", end->status));
        if (outcome_.sent == 0) co_return fail(errc::sahara_reply, "the chip has an image of which it read nothing");
        FL_CO_CHECK(co_await send(sahara_done()));
        co_return co_await finished();
      } else {
        co_return fail(errc::sahara_reply, "a packet that does not belong into the loading of an image");
      }
    }
  }

  asio::awaitable<Status> give(SaharaRead wanted) {
    const std::uint64_t size = programmer_.size();
    const auto says = [&](std::string_view why) {
      return fail(errc::sahara_programmer, fmt::format("the chip wants {} bytes at {} of image {}: {}", wanted.length,
                                                       wanted.offset, wanted.image, why));
    };
    if (wanted.image != options_.image) co_return says(fmt::format("the programmer is image {}", options_.image));
    if (wanted.length == 0 || wanted.offset > size || wanted.length > size - wanted.offset) {
      co_return says(fmt::format("the programmer has {}", size));
    }
    given_ += wanted.length;
    if (given_ > size * most_readings) co_return says("it read the programmer over and over");
    const auto piece =
        programmer_.subspan(static_cast<std::size_t>(wanted.offset), static_cast<std::size_t>(wanted.length));
    FL_CO_CHECK(co_await pipe_.write(piece, options_.data));
    outcome_.sent = std::max(outcome_.sent, wanted.offset + wanted.length);
    if (options_.on_progress) options_.on_progress(outcome_.sent, size);
    co_return Status{};
  }

  /// The MSM8916 says "pending" although its only image is there: either answer is good.
  asio::awaitable<Status> finished() {
    FL_CO_TRY(const SaharaPacket packet, co_await receive());
    const auto* done = std::get_if<SaharaDone>(&packet);
    if (done == nullptr || done->status > 1) co_return fail(errc::sahara_reply, "no end after the end of the image");
    co_return Status{};
  }

  EdlPipe pipe_;
  Bytes programmer_;
  SaharaOptions options_;
  SaharaOutcome outcome_{};
  std::uint64_t given_ = 0;
  std::optional<SaharaPacket> held_{};
};

}  // namespace

asio::awaitable<Result<SaharaOutcome>> load_programmer(BytePipe& pipe, Bytes programmer, SaharaOptions options) {
  if (programmer.empty()) co_return fail(errc::sahara_programmer, "the programmer is an empty file");
  FL_CO_TRY(const EdlPipe edl, EdlPipe::over(pipe));
  Session session{edl, programmer, std::move(options)};
  co_return co_await session.run();
}

std::string serial_in_product(std::string_view product_name) {
  constexpr std::string_view mark = "_SN:";
  const auto at = product_name.find(mark);
  if (at == std::string_view::npos) return {};
  const auto rest = product_name.substr(at + mark.size());
  const auto digits = rest.substr(0, rest.find_first_not_of("0123456789abcdefABCDEF"));
  return digits.size() == 8 ? std::string{digits} : std::string{};
}

}  // namespace flashline::transport
