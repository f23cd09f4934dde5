// flashline unit show | list | explain
#include <boost/json.hpp>
#include <spdlog/fmt/fmt.h>

#include "flasher/cli/station_link.h"
#include "imaging/core/errors/station.h"

namespace flashline::line {
namespace {

namespace json = boost::json;

const std::vector<Column> unit_columns{
    {"SERIAL", "/serial"}, {"BATCH", "/batch"}, {"UNIT", "/number"},       {"STATE", "/state"},
    {"SLOT", "/slot"},     {"MACS", "/macs"},   {"HOSTNAME", "/hostname"}, {"REASON", "/reason"},
};
const std::vector<Column> attempt_columns{
    {"ATTEMPT", "/number"},
    {"SLOT", "/slot"},
    {"STATE", "/state"},
    {"PHASE", "/phase"},
    {"WRITTEN", "/bytes_written", Column::Form::bytes},
    {"VERIFIED", "/bytes_verified", Column::Form::bytes},
    {"STARTED", "/started_at"},
    {"ENDED", "/ended_at"},
    {"ERROR", "/error/code"},
    {"LOG", "/log"},
};
const std::vector<Column> unit_fields{
    {"Serial", "/serial"},        {"State", "/state"},        {"Batch", "/batch"},
    {"Unit", "/number"},          {"MACs", "/macs"},          {"Slot", "/slot"},
    {"Medium", "/medium"},        {"Host name", "/hostname"}, {"Why voided", "/reason"},
    {"Reserved", "/reserved_at"}, {"Ended", "/ended_at"},
};

std::string unit_path(const Arguments& arguments) { return "units/" + url_part(arguments.operands()[0]); }

Result<int> run_show(const Arguments& arguments, Console& console) {
  FL_TRY(const auto link, StationLink::of(arguments));
  FL_TRY(const std::string unit, link.get(unit_path(arguments)));
  FL_TRY(auto lines, sheet_of(unit, unit_fields));
  FL_TRY(const auto attempts, table_of(unit, "attempts", attempt_columns));
  lines.insert(lines.end(), attempts.begin(), attempts.end());
  return show_answer(console, unit, lines);
}

Result<int> run_list(const Arguments& arguments, Console& console) {
  FL_TRY(const auto link, StationLink::of(arguments));
  std::string query = "units?";
  if (const auto batch = arguments.value("--batch")) query += "batch=" + url_part(*batch) + "&";
  if (const auto state = arguments.value("--state")) query += "state=" + url_part(*state);
  FL_TRY(const std::string units, link.get(query));
  return show_answer(console, units, table_of(units, "units", unit_columns));
}

Result<int> run_explain(const Arguments& arguments, Console& console) {
  FL_TRY(const auto link, StationLink::of(arguments));
  FL_TRY(const std::string story, link.get(unit_path(arguments) + "/explain"));
  boost::system::error_code failed;
  const json::value value = json::parse(story, failed);
  const json::value* text = failed || !value.is_object() ? nullptr : value.get_object().if_contains("text");
  if (text == nullptr || !text->is_string()) return fail(errc::station_answer, "there is no text");
  std::string lines{text->get_string()};
  if (lines.ends_with('\n')) lines.pop_back();
  return show_answer(console, story, std::vector<std::string>{lines});
}

const std::vector<Option> filter_options{
    {"--batch", "BATCH", "only units of this batch"},
    {"--state", "STATE", "only units that are reserved, committed or voided"},
};

}  // namespace

Command unit_show_command() {
  return {.name = "unit show",
          .operands = "SERIAL",
          .min_operands = 1,
          .max_operands = 1,
          .summary = "A unit, its identity and its attempts",
          .options = station_option_table(),
          .examples = {"flashline unit show FL-000007"},
          .run = run_show};
}

Command unit_list_command() {
  return {.name = "unit list",
          .operands = "",
          .summary = "Units, by batch and number",
          .options = joined(filter_options, station_option_table()),
          .examples = {"flashline unit list --batch 12 --state voided"},
          .run = run_list};
}

Command unit_explain_command() {
  return {.name = "unit explain",
          .operands = "SERIAL",
          .min_operands = 1,
          .max_operands = 1,
          .summary = "What happened to a unit, in sentences",
          .options = station_option_table(),
          .examples = {"flashline unit explain FL-000007"},
          .run = run_explain};
}

}  // namespace flashline::line
