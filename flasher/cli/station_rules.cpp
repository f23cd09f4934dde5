// flashline station rules: udev's rules for the ports of a station's slots.

#include <boost/json.hpp>

#include "flasher/cli/command.h"
#include "flasher/learn/slot_rules.h"

namespace flashline::line {
namespace {

Result<int> run_rules(const Arguments& arguments, Console& console) {
  FL_TRY(const config::Station station, config::load_station(arguments.operands().front()));
  const auto machine = arguments.value("--machine");
  std::string rules = slot_rules(station, machine ? transport::machine_in(*machine) : transport::Machine{});
  console.record(boost::json::serialize(boost::json::object{{"rules", rules}}));
  rules.pop_back();  // the console ends the line
  console.say(rules);
  return 0;
}

}  // namespace

Command station_rules_command() {
  return {.name = "station rules",
          .operands = "station.xml",
          .min_operands = 1,
          .max_operands = 1,
          .summary = "udev rules that keep desktop, LVM and the like off the slots' disks",
          .options = {{"--machine", "DIR", "look for hubs in DIR/sys instead of this machine's"}},
          .examples = {"flashline station rules station.xml > /etc/udev/rules.d/61-flashline-slots.rules"},
          .run = run_rules};
}

}  // namespace flashline::line
