#include "flasher/board/bring_up.h"

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <optional>
#include <spdlog/fmt/fmt.h>
#include <utility>

#include "flasher/board/last_stage.h"
#include "flasher/board/port_state.h"
#include "imaging/core/errors/board.h"
#include "imaging/core/errors/rpiboot.h"
#include "imaging/core/errors/sahara.h"
#include "imaging/core/errors/sdp.h"
#include "imaging/core/errors/usb.h"
#include "transport/rpiboot/file_server.h"
#include "transport/rpiboot/pi_chip.h"
#include "transport/rpiboot/second_stage.h"
#include "transport/sahara/sahara.h"
#include "transport/sdp/sdp_boot.h"

namespace flashline::line {
namespace {

using config::Protocol;
using transport::BytePipe;
using transport::UsbFacts;

using Raised = std::optional<RaisedBoard>;  ///< nothing: the board goes on to a further stage

bool matches(const config::UsbId& id, const UsbFacts& device) {
  return id.vendor == device.vendor && id.product == device.product &&
         (id.manufacturer.empty() || id.manufacturer == device.manufacturer);
}

/// Failures of the wire or of a board that lost its way. All others would only come again.
bool worth_another_try(const Error& error) {
  constexpr std::array codes{errc::usb_gone,  errc::usb_stall,      errc::usb_timeout,  errc::usb_link,
                             errc::usb_short, errc::rpi_silent,     errc::rpi_answer,   errc::rpi_request,
                             errc::sdp_reply, errc::rpi_left_early, errc::sahara_reply, errc::board_stage_time};
  return std::ranges::find(codes, error.code) != codes.end();
}

std::uint8_t first_interface(const UsbFacts& device, std::uint8_t class_code) {
  const auto found = std::ranges::find(device.interfaces, class_code, &transport::UsbInterface::class_code);
  if (found != device.interfaces.end()) return found->number;
  return device.interfaces.empty() ? std::uint8_t{0} : device.interfaces.front().number;
}

class WayUp {
 public:
  WayUp(BringUpTools tools, const config::BoardProfile& board, const std::vector<StageFiles>& files,
        transport::PortPath port, BringUpOptions options)
      : tools_{std::move(tools)}, board_{board}, files_{files}, port_{tools_.usb, std::move(port)}, options_{options} {}

  asio::awaitable<Result<RaisedBoard>> run() {
    std::optional<Error> cause;  // how the last try ended that found a board
    for (;;) {
      auto raised = co_await climb();
      if (raised) co_return raised;
      // Nobody has spoken to it yet: it was leaving when this began, and its slot is to know that it is empty.
      if (!met_ && raised.error().code == errc::usb_gone && !port_.now()) co_return raised;
      // A board that left and stayed away: what it did last tells more than that the port is empty.
      const bool vanished = cause && raised.error().code == errc::board_absent;
      if (!vanished) {
        if (!worth_another_try(raised.error())) co_return raised;
        cause = raised.error();
      }
      note(to_text(raised.error()));
      if (co_await recover()) continue;
      if (!vanished) co_return raised;
      co_return fail(cause->code, fmt::format("{}; then {}", cause->detail, raised.error().detail));
    }
  }

 private:
  asio::awaitable<Result<RaisedBoard>> climb() {
    std::size_t at = 0;
    std::uint64_t seen = 0;  // what was on the port up to now has had its turn
    for (;;) {
      FL_CO_TRY(const UsbFacts device, co_await arrival(at, seen));
      FL_CO_TRY(const std::size_t stage, stage_of(device));
      if (stage < at && ++returns_ > 1) {
        co_return fail(errc::board_loop, fmt::format("it came back to its stage {} for the second time after {}",
                                                     board_.stages[stage].name, board_.stages[at - 1].name));
      }
      note(fmt::format("{}: {} on {}", board_.stages[stage].name, id_text(device), to_text(port_.port())));
      seen = port_.generation();
      FL_CO_TRY(auto raised, co_await timed(stage, device));
      if (raised) co_return std::move(*raised);
      at = goes_to(stage, device);
    }
  }

  // A Pi's second stage is the same stage of the profile as its ROM.
  std::size_t goes_to(std::size_t stage, const UsbFacts& device) const {
    const bool rom =
        board_.stages[stage].protocol == Protocol::rpiboot && pi_stage_of(device) == transport::PiStage::rom;
    return rom ? stage : std::min(stage + 1, board_.stages.size() - 1);
  }

  asio::awaitable<Result<UsbFacts>> arrival(std::size_t at, std::uint64_t seen) {
    const auto& stage = board_.stages[at];
    auto device = co_await port_.device_after(seen, stage.gap);
    if (device) co_return std::move(*device);
    co_return fail(errc::board_absent,
                   fmt::format("nothing came to port {} for stage {} within {} s", to_text(port_.port()), stage.name,
                               std::chrono::duration_cast<std::chrono::seconds>(stage.gap).count()));
  }

  Result<std::size_t> stage_of(const UsbFacts& device) const {
    for (std::size_t i = 0; i < board_.stages.size(); ++i) {
      const auto& ids = board_.stages[i].ids;
      if (std::ranges::any_of(ids, [&](const auto& id) { return matches(id, device); })) return i;
    }
    // A board's storage is told by its class: its ids are anything.
    for (std::size_t i = 0; i < board_.stages.size(); ++i) {
      const bool disk =
          board_.stages[i].protocol == Protocol::mass_storage || board_.stages[i].protocol == Protocol::card;
      if (disk && device.find(0x08, 0x06, 0x50) != nullptr) return i;
    }
    return fail(errc::board_other, fmt::format("{} \"{}\" on port {} is no stage of a {}", id_text(device),
                                               device.product_name, to_text(port_.port()), board_.title));
  }

  asio::awaitable<Result<Raised>> timed(std::size_t stage, UsbFacts device) {
    using namespace asio::experimental::awaitable_operators;
    const auto limit = board_.stages[stage].timeout;
    asio::steady_timer timer{tools_.usb.executor(), limit};
    auto first = co_await (talk(stage, std::move(device)) || timer.async_wait(asio::as_tuple(asio::use_awaitable)));
    if (first.index() == 0) co_return std::get<0>(std::move(first));
    co_return fail(errc::board_stage_time,
                   fmt::format("stage {} took longer than {} s", board_.stages[stage].name,
                               std::chrono::duration_cast<std::chrono::seconds>(limit).count()));
  }

  asio::awaitable<Result<Raised>> talk(std::size_t number, UsbFacts device) {
    switch (board_.stages[number].protocol) {
      case Protocol::rpiboot:
        return rpiboot(number, std::move(device));
      case Protocol::sdp:
      case Protocol::sdps:
        return sdp(number, std::move(device));
      case Protocol::sahara:
      case Protocol::firehose:
        return sahara(number, std::move(device));
      case Protocol::fastboot:
        return fastboot(std::move(device));
      case Protocol::card:
      case Protocol::mass_storage:
        break;
    }
    return disk(number);
  }

  asio::awaitable<Result<Raised>> rpiboot(std::size_t number, UsbFacts device) {
    const auto* chip = transport::find_pi_chip(device);
    if (chip == nullptr) co_return fail(errc::board_other, id_text(device) + " is no Raspberry Pi's boot ROM");
    FL_CO_TRY(const auto link, transport::pi_link_of(device));
    FL_CO_TRY(auto pipe, co_await open(port_.port(), link.interface));
    const auto& served = files_[number].served;
    if (pi_stage_of(device) == transport::PiStage::rom) {
      FL_CO_TRY(auto second, transport::second_stage_of(*chip, served));
      FL_CO_CHECK(co_await transport::send_second_stage(*pipe, std::move(second), options_.rpiboot));
      co_return Raised{};
    }
    transport::FileServerRules rules;
    if (served.find("boot.img")) rules.needed = "boot.img";
    auto outcome = co_await transport::serve_files(*pipe, served, std::move(rules), options_.rpiboot);
    note("asked for " + to_text(outcome.asked));
    for (const auto& [key, value] : outcome.metadata) note(fmt::format("{} = {}", key, value));
    if (outcome.error) co_return std::unexpected{std::move(*outcome.error)};
    co_return Raised{};
  }

  asio::awaitable<Result<Raised>> sdp(std::size_t number, UsbFacts device) {
    const auto chip = transport::find_sdp_chip(device.vendor, device.product, device.release);
    if (!chip) co_return fail(errc::board_other, id_text(device) + " speaks no serial download that is known");
    FL_CO_TRY(auto pipe, co_await open(port_.port(), first_interface(device, 0x03)));
    FL_CO_TRY(const auto outcome, co_await transport::boot_sdp(*pipe, *chip, *files_[number].image));
    note(fmt::format("{} took {} bytes{}", chip->name, outcome.sent, outcome.closed ? ", and is closed" : ""));
    if (!outcome.uid.empty()) serial_ = outcome.uid;
    co_return Raised{};
  }

  // The programmer answers on the pipe of the ROM that loaded it.
  asio::awaitable<Result<Raised>> sahara(std::size_t number, UsbFacts device) {
    FL_CO_TRY(auto pipe, co_await open(port_.port(), first_interface(device, 0xff)));
    if (files_[number].image) {
      FL_CO_TRY(const auto loaded, co_await transport::load_programmer(*pipe, *files_[number].image));
      note(loaded.firehose_runs ? std::string{"a programmer runs already"}
                                : fmt::format("took {} bytes of the programmer", loaded.sent));
      if (!loaded.serial.empty()) serial_ = loaded.serial;
    }
    FL_CO_TRY(auto sink,
              co_await open_firehose(std::move(pipe), board_.storage, to_text(port_.port()), tools_.blocking));
    co_return Raised{RaisedBoard{std::move(sink), serial_}};
  }

  asio::awaitable<Result<Raised>> fastboot(UsbFacts device) {
    const auto* interface = device.find(0xff, 0x42, 0x03);
    if (interface == nullptr) {
      co_return fail(errc::board_other, id_text(device) + " has no fastboot interface");
    }
    FL_CO_TRY(auto pipe, co_await open(port_.port(), interface->number));
    FL_CO_TRY(auto sink, co_await open_fastboot(std::move(pipe), board_.storage));
    co_return Raised{RaisedBoard{std::move(sink), device.serial.empty() ? serial_ : device.serial}};
  }

  // The disk's node comes a while after the device; until then opening it fails. Once the device left, none will come.
  asio::awaitable<Result<Raised>> disk(std::size_t number) {
    const auto until = std::chrono::steady_clock::now() + board_.stages[number].gap;
    const std::uint64_t there = port_.generation();
    for (;;) {
      auto sink = co_await tools_.open_disk(port_.port());
      if (sink) co_return Raised{RaisedBoard{std::move(*sink), serial_}};
      if (port_.generation() != there) {
        co_return fail(errc::usb_gone, fmt::format("the board left port {} before its disk was there: {}",
                                                   to_text(port_.port()), sink.error().detail));
      }
      if (!is_not_there_yet(sink.error()) || std::chrono::steady_clock::now() >= until) {
        co_return std::unexpected{std::move(sink).error()};
      }
      asio::steady_timer timer{tools_.usb.executor(), options_.look_again};
      co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
    }
  }

  asio::awaitable<Result<std::unique_ptr<BytePipe>>> open(transport::PortPath port, std::uint8_t interface) {
    auto pipe = co_await tools_.usb.open(std::move(port), interface);
    met_ = met_ || pipe.has_value();
    co_return pipe;
  }

  /// The next rung of the ladder. False: there is none left.
  asio::awaitable<bool> recover() {
    if (rung_ == Rung::reset) {
      rung_ = Rung::power;
      if (co_await reset()) co_return true;
    }
    if (rung_ == Rung::power) {
      rung_ = Rung::none;
      if (tools_.power_cycle && board_.power.cycle) {
        note("the port's power goes off and on");
        const auto cycled = co_await tools_.power_cycle(port_.port(), board_.power.off);
        if (cycled) co_return true;
        note(to_text(cycled.error()));
      }
    }
    co_return false;
  }

  asio::awaitable<bool> reset() {
    if (!port_.now() || port_.now()->interfaces.empty()) co_return true;  // it left: let it come back by itself
    auto pipe = co_await tools_.usb.open(port_.port(), port_.now()->interfaces.front().number);
    if (!pipe) co_return false;
    note("the port is reset");
    for (const auto& endpoint : (*pipe)->interface().endpoints) {
      std::ignore = co_await (*pipe)->clear_halt(endpoint.address);
    }
    co_return (co_await (*pipe)->reset()).has_value();
  }

  void note(std::string text) const {
    if (tools_.note) tools_.note(std::move(text));
  }

  enum class Rung : std::uint8_t { reset, power, none };

  BringUpTools tools_;
  const config::BoardProfile& board_;
  const std::vector<StageFiles>& files_;
  PortState port_;
  BringUpOptions options_;
  Rung rung_ = Rung::reset;
  unsigned returns_ = 0;
  bool met_ = false;  ///< a stage was opened
  std::string serial_;
};

}  // namespace

asio::awaitable<Result<RaisedBoard>> bring_up(BringUpTools tools, const config::BoardProfile& board,
                                              const std::vector<StageFiles>& files, transport::PortPath port,
                                              BringUpOptions options) {
  WayUp way{std::move(tools), board, files, std::move(port), options};
  co_return co_await way.run();
}

}  // namespace flashline::line
