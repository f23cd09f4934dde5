#include "flasher/board/bus_budget.h"

#include <algorithm>
#include <set>
#include <spdlog/fmt/fmt.h>
#include <utility>

#include "imaging/core/errors/usb.h"
#include "transport/discovery/port_path.h"

namespace flashline::line {
namespace {

using config::Protocol;

constexpr unsigned hub_endpoints = 2;  // control, and the one that tells of changes

/// Control among them.
unsigned endpoints_of(Protocol protocol) {
  return protocol == Protocol::rpiboot ? 5 : 3;  // a BCM2837 shows a disk beside its boot ROM
}

unsigned endpoints_of(const config::BoardProfile* board) {
  unsigned worst = endpoints_of(Protocol::card);
  if (board == nullptr) return worst;
  for (const auto& stage : board->stages) worst = std::max(worst, endpoints_of(stage.protocol));
  return worst;
}

double megabytes(std::uint64_t bytes) { return static_cast<double>(bytes) / 1e6; }

}  // namespace

std::vector<ControllerBudget> bus_budget(const config::Station& station) {
  using Chain = std::vector<std::uint8_t>;
  std::map<std::string, ControllerBudget> all;
  std::set<std::pair<std::string, Chain>> counted;  // hubs and sockets
  for (const auto& slot : station.slots) {
    const auto port = transport::parse_port_path(slot.target.port);
    if (slot.target.kind != config::Target::Kind::port || !port) continue;
    auto& budget = all[port->controller];
    budget.controller = port->controller;
    ++budget.slots;
    ++budget.behind_port[port->chain.front()];
    for (auto end = port->chain.begin() + 1; end <= port->chain.end(); ++end) {
      if (!counted.emplace(port->controller, Chain{port->chain.begin(), end}).second) continue;
      ++budget.devices;
      budget.endpoints += end == port->chain.end() ? endpoints_of(station.board_of(slot)) : hub_endpoints;
    }
  }
  std::vector<ControllerBudget> list;
  for (auto& [name, budget] : all) list.push_back(std::move(budget));
  return list;
}

std::string to_text(const ControllerBudget& budget, const BusLimits& limits) {
  std::string text = fmt::format("{}: {} slots, {} of {} devices, {} of {} endpoints", budget.controller, budget.slots,
                                 budget.devices, limits.devices, budget.endpoints, limits.endpoints);
  for (const auto& [port, slots] : budget.behind_port) {
    text +=
        fmt::format("; port {}: {:.0f} of {:.0f} MB/s", port, megabytes(slots * limits.board), megabytes(limits.rate));
  }
  return text;
}

std::vector<Error> over_budget(const ControllerBudget& budget, const BusLimits& limits) {
  std::vector<Error> findings;
  if (budget.devices > limits.devices || budget.endpoints > limits.endpoints) {
    findings.push_back(
        {errc::usb_devices,
         fmt::format("{} may need {} devices and {} endpoints; small controllers have {} "
                     "and {}",
                     budget.controller, budget.devices, budget.endpoints, limits.devices, limits.endpoints)});
  }
  for (const auto& [port, slots] : budget.behind_port) {
    if (slots * limits.board <= limits.rate) continue;
    findings.push_back(
        {errc::usb_bandwidth,
         fmt::format("{} slots behind port {} of {} share {:.0f} MB/s: {:.1f} MB/s for each when all work", slots, port,
                     budget.controller, megabytes(limits.rate), megabytes(limits.rate / slots))});
  }
  return findings;
}

}  // namespace flashline::line
