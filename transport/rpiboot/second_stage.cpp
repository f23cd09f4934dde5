#include "transport/rpiboot/second_stage.h"

#include <algorithm>
#include <array>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/errors/rpiboot.h"
#include "imaging/core/little_endian.h"
#include "imaging/core/units.h"
#include "transport/rpiboot/detail/pi_wire.h"

namespace flashline::transport {
namespace {

constexpr std::size_t signature_size = 20;
// The largest seen has 110 KiB and the memory that it is loaded to is the chip's cache.
constexpr std::uint64_t most_code = 2_MiB;

using BootMessage = std::array<std::byte, 4 + signature_size>;

BootMessage message_for(const SecondStage& stage) {
  BootMessage message{};
  store32(message, static_cast<std::uint32_t>(stage.code->size()));
  std::ranges::copy(stage.signature, message.begin() + 4);
  return message;
}

Result<std::uint8_t> out_endpoint_of_rom(const UsbFacts& device) {
  if (find_pi_chip(device) == nullptr) {
    return fail(errc::rpi_not_known, fmt::format("{} is no boot stage of a Pi", id_text(device)));
  }
  if (pi_stage_of(device) != PiStage::rom) {
    return fail(errc::rpi_wrong_stage, "the board runs a second stage already");
  }
  FL_TRY(const auto link, pi_link_of(device));
  return link.out;
}

asio::awaitable<Status> read_return_code(detail::PiWire& wire) {
  std::array<std::byte, 4> answer{};
  auto got = co_await wire.get(answer);
  if (!got) co_return std::unexpected{in_context("the boot ROM's answer", got.error())};
  if (*got != answer.size()) {
    co_return fail(errc::rpi_answer, fmt::format("the boot ROM's answer has {} bytes, not 4", *got));
  }
  const auto code = static_cast<std::int32_t>(load32(answer));
  if (code != 0) co_return fail(errc::rpi_second_stage_refused, fmt::format("the boot ROM's return code is {}", code));
  co_return Status{};
}

}  // namespace

Result<SecondStage> second_stage_of(const PiChip& chip, const BootFiles& files, bool signed_boot) {
  SecondStage stage{files.find(chip.second_stage)};
  if (!stage.code) return fail(errc::rpi_second_stage_file, fmt::format("there is no {}", chip.second_stage));
  if (stage.code->empty() || stage.code->size() > most_code) {
    return fail(errc::rpi_second_stage_file, fmt::format("{} has {} bytes", chip.second_stage, stage.code->size()));
  }
  if (!signed_boot || !chip.signature) return stage;
  const auto signature = files.find("bootcode.sig");
  if (!signature || signature->size() != signature_size) {
    return fail(errc::rpi_second_stage_file,
                fmt::format("bootcode.sig has {} bytes, not 20", signature ? signature->size() : 0));
  }
  stage.signature = *signature;
  return stage;
}

asio::awaitable<Status> send_second_stage(BytePipe& pipe, SecondStage stage, RpibootTimes times) {
  FL_CO_TRY(const auto endpoint, out_endpoint_of_rom(pipe.facts()));
  detail::PiWire wire{pipe, endpoint, times};
  const auto message = message_for(stage);
  if (auto sent = co_await wire.put(message, times.rom_piece); !sent) {
    co_return std::unexpected{in_context("boot message", sent.error())};
  }
  if (auto sent = co_await wire.put(*stage.code, times.rom_piece); !sent) {
    co_return std::unexpected{in_context("second stage", sent.error())};
  }
  asio::steady_timer rest{co_await asio::this_coro::executor, times.before_return_code};
  co_await rest.async_wait(asio::use_awaitable);
  co_return co_await read_return_code(wire);
}

}  // namespace flashline::transport
