// flashline station check: what flashlined would refuse at its start.

#include <boost/json.hpp>
#include <spdlog/fmt/fmt.h>

#include "flasher/api/image_shelf.h"
#include "flasher/board/bus_budget.h"
#include "flasher/cli/command.h"
#include "station-config/station.h"

namespace flashline::line {
namespace {

namespace json = boost::json;

/// What the slots ask of the USB controllers, and what of it may be too much.
json::array tell_budget(const config::Station& station, Console& console) {
  json::array all;
  for (const ControllerBudget& budget : bus_budget(station)) {
    const auto findings = over_budget(budget);
    json::array codes;
    for (const Error& finding : findings) {
      console.warn(fmt::format("{}: {}; {}", code_of(finding.code), finding.detail, advice_of(finding.code)));
      codes.push_back(json::value(code_of(finding.code)));
    }
    console.say(to_text(budget));
    all.push_back(json::object{{"controller", budget.controller},
                               {"slots", budget.slots},
                               {"devices", budget.devices},
                               {"endpoints", budget.endpoints},
                               {"findings", std::move(codes)}});
  }
  return all;
}

Result<int> run_check(const Arguments& arguments, Console& console) {
  const std::string& file = arguments.operands().front();
  FL_TRY(config::Station station, config::load_station(file));
  FL_CHECK(config::load_boards(station));
  FL_CHECK(load_trust(station));
  for (const std::string& warning : station.warnings) console.warn(warning);
  json::array boards;
  for (const config::BoardProfile& board : station.boards) boards.push_back(json::value(board.name));
  json::array controllers = tell_budget(station, console);
  console.record(json::serialize(json::object{{"station", station.name},
                                              {"mode", config::to_word(station.mode)},
                                              {"slots", station.slots.size()},
                                              {"boards", std::move(boards)},
                                              {"controllers", std::move(controllers)}}));
  console.say(fmt::format("{}: station {}, {} mode, {} slots: valid", file, station.name, config::to_word(station.mode),
                          station.slots.size()));
  return 0;
}

}  // namespace

Command station_check_command() {
  return {.name = "station check",
          .operands = "station.xml",
          .min_operands = 1,
          .max_operands = 1,
          .summary = "Check a station's configuration, its board profiles and the files that they name",
          .options = {},
          .examples = {"flashline station check /etc/flashline/station.xml"},
          .run = run_check};
}

}  // namespace flashline::line
