// flashline station sheet: the labels of a rack, to be printed.

#include <boost/json.hpp>
#include <fstream>
#include <spdlog/fmt/fmt.h>

#include "flasher/cli/station_link.h"
#include "flasher/learn/slot_sheet.h"
#include "imaging/core/errors/station.h"
#include "imaging/core/errors/usage.h"
#include "station-config/station.h"

namespace flashline::line {
namespace {

namespace json = boost::json;

struct Rack {
  std::string station;
  std::vector<SlotLabel> slots;
};

Result<Rack> rack_of_file(const std::string& file) {
  FL_TRY(const config::Station station, config::load_station(file));
  return Rack{station.name, labels_of(station)};
}

std::string text_in(const json::value& object, const char* name) {
  const json::value* found = object.is_object() ? object.get_object().if_contains(name) : nullptr;
  return found != nullptr && found->is_string() ? std::string{found->get_string()} : std::string{};
}

std::uint32_t number_in(const json::value& object, const char* name) {
  const json::value* found = object.is_object() ? object.get_object().if_contains(name) : nullptr;
  return found != nullptr && found->is_int64() ? static_cast<std::uint32_t>(found->get_int64()) : 1;
}

Result<Rack> rack_of_station(const Arguments& arguments) {
  FL_TRY(const auto link, StationLink::of(arguments));
  FL_TRY(const std::string station, link.get("station"));
  FL_TRY(const std::string slots, link.get("slots"));
  boost::system::error_code failed;
  Rack rack{text_in(json::parse(station, failed), "name"), {}};
  const json::value list = json::parse(slots, failed);
  const json::value* all = list.is_object() ? list.get_object().if_contains("slots") : nullptr;
  if (failed || all == nullptr || !all->is_array()) return fail(errc::station_answer, "the list of slots is none");
  for (const json::value& slot : all->get_array()) {
    rack.slots.push_back({text_in(slot, "name"), number_in(slot, "row"), number_in(slot, "column"),
                          text_in(slot, "target"), text_in(slot, "board")});
  }
  return rack;
}

Result<int> run_sheet(const Arguments& arguments, Console& console) {
  const std::string& out = arguments.operands().front();
  const auto file = arguments.value("--config");
  FL_TRY(const Rack rack, file ? rack_of_file(*file) : rack_of_station(arguments));
  std::ofstream stream{out, std::ios::binary | std::ios::trunc};
  stream << slot_sheet(rack.station, rack.slots);
  stream.close();
  if (!stream) return fail(errc::usage, fmt::format("flashline station sheet: {} cannot be written", out));
  console.say(fmt::format("{}: {} labels", out, rack.slots.size()));
  console.record(json::serialize(json::object{{"path", out}, {"labels", rack.slots.size()}}));
  return 0;
}

}  // namespace

Command station_sheet_command() {
  return {
      .name = "station sheet",
      .operands = "OUT.html",
      .min_operands = 1,
      .max_operands = 1,
      .summary = "A page of slot labels to print and hang on the rack",
      .options =
          joined({{"--config", "station.xml", "of this file instead of the running station"}}, station_option_table()),
      .examples = {"flashline station sheet labels.html", "flashline station sheet labels.html --config station.xml"},
      .run = run_sheet};
}

}  // namespace flashline::line
