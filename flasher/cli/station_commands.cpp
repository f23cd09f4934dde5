// flashline station status | slots | events | retry | next
#include <boost/json.hpp>
#include <spdlog/fmt/fmt.h>

#include "flasher/cli/station_link.h"

namespace flashline::line {
namespace {

namespace json = boost::json;

const std::vector<Column> slot_columns{
    {"SLOT", "/name"},
    {"STATE", "/state"},
    {"SERIAL", "/serial"},
    {"ATTEMPT", "/attempt"},
    {"DONE", "/progress/done_bytes", Column::Form::bytes},
    {"OF", "/progress/total_bytes", Column::Form::bytes},
    {"SPEED", "/progress/rate_bytes_per_s", Column::Form::rate},
    {"LEFT", "/progress/seconds_left", Column::Form::seconds},
    {"ERROR", "/error/code"},
    {"TARGET", "/target"},
};

const std::vector<Column> slot_fields{
    {"Slot", "/name"},     {"State", "/state"},   {"Serial", "/serial"},    {"Attempt", "/attempt"},
    {"Target", "/target"}, {"Medium", "/medium"}, {"Error", "/error/text"}, {"What to do", "/error/advice"},
};

Result<int> run_status(const Arguments& arguments, Console& console) {
  FL_TRY(const auto link, StationLink::of(arguments));
  FL_TRY(const std::string station, link.get("station"));
  static const std::vector<Column> fields{{"Station", "/name"},         {"Mode", "/mode"},
                                          {"Version", "/version"},      {"Running since", "/started_at"},
                                          {"Slots", "/slots_total"},    {"Open batch", "/batch"},
                                          {"Look at this", "/warnings"}};
  return show_answer(console, station, sheet_of(station, fields));
}

Result<int> run_slots(const Arguments& arguments, Console& console) {
  FL_TRY(const auto link, StationLink::of(arguments));
  FL_TRY(const std::string slots, link.get("slots"));
  return show_answer(console, slots, table_of(slots, "slots", slot_columns));
}

std::string event_line(const json::value& event) {
  const auto text = [&](const char* pointer) {
    boost::system::error_code missing;
    const json::value* found = event.find_pointer(pointer, missing);
    if (found == nullptr || found->is_null()) return std::string{};
    return found->is_string() ? std::string{found->get_string()} : json::serialize(*found);
  };
  const std::string type = text("/type");
  if (type == "slot") {
    return fmt::format("slot {}: {} {} {}", text("/slot/name"), text("/slot/state"), text("/slot/serial"),
                       text("/slot/error/text"));
  }
  if (type == "batch") {
    return fmt::format("batch {}: {}, {} of {} passed", text("/batch/id"), text("/batch/state"), text("/batch/passed"),
                       text("/batch/quantity"));
  }
  if (type == "record") {
    return fmt::format("record {}: {} {}", text("/record/seq"), text("/record/kind"), text("/record/serial"));
  }
  return fmt::format("connected to {}", text("/station/name"));
}

Result<int> run_events(const Arguments& arguments, Console& console) {
  FL_TRY(const auto link, StationLink::of(arguments));
  FL_CHECK(link.listen([&](std::string_view message) {
    boost::system::error_code failed;
    const json::value event = json::parse({message.data(), message.size()}, failed);
    console.record(message);
    if (!failed) console.say(event_line(event));
    return console.flush();
  }));
  return 0;
}

Result<int> act_on_slot(const Arguments& arguments, Console& console, std::string_view verb) {
  FL_TRY(const auto link, StationLink::of(arguments));
  json::object body;
  if (const auto who = arguments.value("--operator")) body["operator"] = *who;
  const std::string path = fmt::format("slots/{}/{}", url_part(arguments.operands()[0]), verb);
  FL_TRY(const std::string slot, link.post(path, json::serialize(body)));
  return show_answer(console, slot, sheet_of(slot, slot_fields));
}

Result<int> run_retry(const Arguments& arguments, Console& console) { return act_on_slot(arguments, console, "retry"); }
Result<int> run_next(const Arguments& arguments, Console& console) { return act_on_slot(arguments, console, "next"); }

Result<int> run_release(const Arguments& arguments, Console& console) {
  return act_on_slot(arguments, console, "release");
}

const std::vector<Option> operator_option{{"--operator", "NAME", "who does it, for the records"}};

}  // namespace

Command station_status_command() {
  return {.name = "station status",
          .operands = "",
          .summary = "What the station is and which batch is open",
          .options = station_option_table(),
          .examples = {"flashline station status --station http://127.0.0.1:8470"},
          .run = run_status};
}

Command station_slots_command() {
  return {.name = "station slots",
          .operands = "",
          .summary = "The slots and what they are at",
          .options = station_option_table(),
          .examples = {"flashline station slots",
                       "flashline station slots --json | jq '.slots[] | select(.state==\"failed\")'"},
          .run = run_slots};
}

Command station_events_command() {
  return {.name = "station events",
          .operands = "",
          .summary = "What happens, line by line, until the station ends",
          .options = station_option_table(),
          .examples = {"flashline station events --json"},
          .run = run_events};
}

Command station_retry_command() {
  return {.name = "station retry",
          .operands = "SLOT",
          .min_operands = 1,
          .max_operands = 1,
          .summary = "Try the same board again in a slot that failed",
          .options = joined(operator_option, station_option_table()),
          .examples = {"flashline station retry 3"},
          .run = run_retry};
}

Command station_next_command() {
  return {.name = "station next",
          .operands = "SLOT",
          .min_operands = 1,
          .max_operands = 1,
          .summary = "Say that another board is in a slot",
          .options = joined(operator_option, station_option_table()),
          .examples = {"flashline station next 3"},
          .run = run_next};
}

Command station_release_command() {
  return {.name = "station release",
          .operands = "SLOT",
          .min_operands = 1,
          .max_operands = 1,
          .summary = "Take a quarantined slot back into use",
          .options = joined(operator_option, station_option_table()),
          .examples = {"flashline station release 3"},
          .run = run_release};
}

}  // namespace flashline::line
