// flashline station ports: what is plugged in where, and which slot that is.

#include "flasher/slot/station_ports.h"

#include <spdlog/fmt/fmt.h>

#include "flasher/api/station_json.h"
#include "flasher/cli/station_link.h"
#include "station-config/station.h"

namespace flashline::line {
namespace {

const std::vector<Column> columns{
    {"PORT", "/port"},   {"SLOT", "/slot"},     {"ID", "/id"},
    {"SPEED", "/speed"}, {"DISK", "/disk"},     {"SIZE", "/size_bytes", Column::Form::bytes},
    {"WHAT", "/name"},   {"SERIAL", "/serial"},
};

Result<std::string> ports_without_a_station(const std::string& file, const transport::Machine& machine) {
  FL_TRY(const config::Station station, config::load_station(file));
  return json_object({{"ports", ports_json(PortMap{station}.views(transport::list_usb_ports(machine)))}});
}

Result<std::string> answer_of(const Arguments& arguments) {
  if (const auto file = arguments.value("--config")) {
    const auto machine = arguments.value("--machine");
    return ports_without_a_station(*file, machine ? transport::machine_in(*machine) : transport::Machine{});
  }
  FL_TRY(const auto link, StationLink::of(arguments));
  return link.get("ports");
}

Result<int> run_ports(const Arguments& arguments, Console& console) {
  FL_TRY(const std::string ports, answer_of(arguments));
  return show_answer(console, ports, table_of(ports, "ports", columns));
}

}  // namespace

Command station_ports_command() {
  return {
      .name = "station ports",
      .operands = "",
      .summary = "What is plugged into USB ports, and which slot each is; ports of no slot are never touched",
      .options = joined({{"--config", "station.xml", "look on this machine, by this file, without a running station"},
                         {"--machine", "DIR", "with --config: look in DIR/sys, dev and run instead"}},
                        station_option_table()),
      .examples = {"flashline station ports", "flashline station ports --config station.xml"},
      .run = run_ports};
}

}  // namespace flashline::line
