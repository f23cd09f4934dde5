#include "flasher/board/usb_boards.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <spdlog/spdlog.h>
#include <utility>

#include "flasher/board/bring_up.h"
#include "transport/power/port_power.h"

namespace flashline::line {
namespace {

const config::BoardProfile* board_on_way(const config::Station& station, const config::Slot& slot) {
  const auto* board = station.board_of(slot);
  return board == nullptr || board->is_plain_disk() ? nullptr : board;
}

asio::awaitable<Status> switch_on_thread(transport::PortPath port, bool on, transport::Machine machine) {
  co_return transport::switch_port(port, on, machine);
}

}  // namespace

bool UsbBoards::needed(const config::Station& station) {
  return std::ranges::any_of(station.slots, [&](const auto& slot) { return board_on_way(station, slot) != nullptr; });
}

Result<std::unique_ptr<UsbBoards>> UsbBoards::create(const config::Station& station, Parts parts) {
  std::unique_ptr<UsbBoards> boards{new UsbBoards{std::move(parts)}};
  std::map<const config::BoardProfile*, std::shared_ptr<const std::vector<StageFiles>>> loaded;
  for (const auto& slot : station.slots) {
    const auto* board = board_on_way(station, slot);
    if (board == nullptr) continue;
    FL_TRY(auto port, transport::parse_port_path(slot.target.port));
    auto& files = loaded[board];
    if (!files) {
      FL_TRY(auto read, load_stage_files(*board));
      files = std::make_shared<const std::vector<StageFiles>>(std::move(read));
    }
    boards->bays_.emplace(slot.name, Bay{std::move(port), board, files});
  }
  return boards;
}

bool UsbBoards::knows(std::string_view slot) const { return bays_.contains(slot); }

void UsbBoards::listen(SlotListener listener) {
  listener_ = std::move(listener);
  listening_ = parts_.usb->listen([this](const transport::UsbEvent& event) {
    for (const auto& [slot, bay] : bays_) {
      if (bay.port.socket() == event.port) listener_(slot, !event.device);
    }
  });
}

bool UsbBoards::present(const config::Slot& slot) const {
  const auto& port = bays_.find(slot.name)->second.port;
  const auto devices = parts_.usb->devices();
  return std::ranges::find(devices, port.socket(), &transport::UsbFacts::port) != devices.end();
}

asio::awaitable<Result<std::shared_ptr<transport::BlockSink>>> UsbBoards::raise(config::Slot slot,
                                                                                transport::TargetNeeds needs) {
  const Bay& bay = bays_.find(slot.name)->second;
  BringUpTools tools{
      .usb = *parts_.usb,
      .open_disk = [this, needs](transport::PortPath port) { return parts_.open_disk(std::move(port), needs); },
      .power_cycle = [this](transport::PortPath port,
                            std::chrono::milliseconds off) { return power_cycle(std::move(port), off); },
      .blocking = parts_.blocking,
      .note = [name = slot.name](const std::string& text) { spdlog::info("slot {}: {}", name, text); }};
  auto raised = co_await bring_up(std::move(tools), *bay.board, *bay.files, bay.port);
  if (!raised) co_return std::unexpected{std::move(raised).error()};
  co_return std::move(raised->sink);
}

asio::awaitable<Status> UsbBoards::power_cycle(transport::PortPath port, std::chrono::milliseconds off) {
  FL_CO_CHECK(co_await asio::co_spawn(power_, switch_on_thread(port, false, parts_.machine), asio::use_awaitable));
  asio::steady_timer timer{parts_.usb->executor(), off};
  co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
  co_return co_await asio::co_spawn(power_, switch_on_thread(port, true, parts_.machine), asio::use_awaitable);
}

}  // namespace flashline::line
