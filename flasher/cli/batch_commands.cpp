// flashline batch create | list | show | pause | resume | close
#include <boost/json.hpp>
#include <filesystem>
#include <spdlog/fmt/fmt.h>

#include "flasher/cli/batch_wait.h"
#include "flasher/cli/station_link.h"
#include "imaging/core/errors/station.h"
#include "imaging/core/errors/usage.h"

namespace flashline::line {
namespace {

namespace json = boost::json;

const std::vector<Column> batch_columns{
    {"BATCH", "/id"},
    {"STATE", "/state"},
    {"PASSED", "/passed"},
    {"OF", "/quantity"},
    {"IN WORK", "/in_work"},
    {"VOIDED", "/voided"},
    {"YIELD", "/yield", Column::Form::percent},
    {"CREATED", "/created_at"},
    {"NAME", "/name"},
    {"IMAGE", "/image"},
};

const std::vector<Column> batch_fields{
    {"Batch", "/id"},
    {"Name", "/name"},
    {"State", "/state"},
    {"Reason", "/reason"},
    {"Image", "/image"},
    {"Image digest", "/image_digest"},
    {"Recipe", "/recipe"},
    {"Unit list", "/units_csv"},
    {"Wanted", "/quantity"},
    {"Passed", "/passed"},
    {"In work", "/in_work"},
    {"Left", "/left"},
    {"Voided units", "/voided"},
    {"Failed attempts", "/failed_attempts"},
    {"Yield", "/yield", Column::Form::percent},
    {"Operator", "/operator"},
    {"Created", "/created_at"},
    {"Closed", "/closed_at"},
};

/// The station has another working folder than this command.
std::string absolute(const std::string& path) { return std::filesystem::absolute(path).lexically_normal().string(); }

Result<std::string> order_of(const Arguments& arguments) {
  json::object order{{"image", absolute(arguments.operands()[0])}};
  if (const auto recipe = arguments.value("--recipe")) order["recipe"] = absolute(*recipe);
  if (const auto units = arguments.value("--units")) order["units_csv"] = absolute(*units);
  FL_TRY(const auto quantity, arguments.number("--quantity"));
  if (quantity) order["quantity"] = *quantity;
  if (!quantity && !arguments.has("--units")) {
    return fail(errc::usage, "flashline batch create: --quantity or --units is missing");
  }
  if (const auto name = arguments.value("--name")) order["name"] = *name;
  if (const auto who = arguments.value("--operator")) order["operator"] = *who;
  return json::serialize(order);
}

Result<std::int64_t> id_in(const std::string& batch) {
  boost::system::error_code failed;
  const json::value value = json::parse(batch, failed);
  const json::value* id = failed || !value.is_object() ? nullptr : value.get_object().if_contains("id");
  if (id == nullptr || !id->is_int64()) return fail(errc::station_answer, "the batch has no number");
  return id->get_int64();
}

Result<int> run_create(const Arguments& arguments, Console& console) {
  FL_TRY(const auto link, StationLink::of(arguments));
  FL_TRY(const std::string order, order_of(arguments));
  FL_TRY(const std::string batch, link.post("batches", order));
  if (!arguments.has("--wait")) return show_answer(console, batch, sheet_of(batch, batch_fields));
  console.record(batch);
  FL_TRY(const std::int64_t id, id_in(batch));
  return wait_for_batch(link, id, console);
}

Result<int> run_list(const Arguments& arguments, Console& console) {
  FL_TRY(const auto link, StationLink::of(arguments));
  FL_TRY(const std::string batches, link.get("batches"));
  return show_answer(console, batches, table_of(batches, "batches", batch_columns));
}

Result<int> run_show(const Arguments& arguments, Console& console) {
  FL_TRY(const auto link, StationLink::of(arguments));
  FL_TRY(const std::string batch, link.get("batches/" + url_part(arguments.operands()[0])));
  return show_answer(console, batch, sheet_of(batch, batch_fields));
}

Result<int> change(const Arguments& arguments, Console& console, std::string_view verb) {
  FL_TRY(const auto link, StationLink::of(arguments));
  json::object body;
  if (const auto reason = arguments.value("--reason")) body["reason"] = *reason;
  const std::string path = fmt::format("batches/{}/{}", url_part(arguments.operands()[0]), verb);
  FL_TRY(const std::string batch, link.post(path, json::serialize(body)));
  return show_answer(console, batch, sheet_of(batch, batch_fields));
}

Result<int> run_pause(const Arguments& arguments, Console& console) { return change(arguments, console, "pause"); }
Result<int> run_resume(const Arguments& arguments, Console& console) { return change(arguments, console, "resume"); }
Result<int> run_close(const Arguments& arguments, Console& console) { return change(arguments, console, "close"); }

const std::vector<Option> order_options{
    {"--recipe", "FILE", "what is done to each unit"},
    {"--quantity", "N", "how many units"},
    {"--units", "FILE.csv", "the units, one a row"},
    {"--name", "TEXT", "name of the batch"},
    {"--operator", "NAME", "who does it, for the records"},
    {"--wait", "", "print each finished unit; the exit code is that of the batch"},
};
const std::vector<Option> reason_option{{"--reason", "TEXT", "why, for the records"}};

Command batch_verb(std::string_view name, std::string_view summary, std::string_view example,
                   std::vector<Option> options, Result<int> (*run)(const Arguments&, Console&)) {
  return {.name = name,
          .operands = "BATCH",
          .min_operands = 1,
          .max_operands = 1,
          .summary = summary,
          .options = joined(std::move(options), station_option_table()),
          .examples = {example},
          .run = run};
}

}  // namespace

Command batch_create_command() {
  return {.name = "batch create",
          .operands = "IMAGE",
          .min_operands = 1,
          .max_operands = 1,
          .summary = "Begin a batch: this image on so many boards",
          .options = joined(order_options, station_option_table()),
          .examples = {"flashline batch create panel.ffu --recipe panel.xml --quantity 100",
                       "flashline batch create panel.ffu --recipe panel.xml --units units.csv --wait"},
          .run = run_create};
}

Command batch_list_command() {
  return {.name = "batch list",
          .operands = "",
          .summary = "All batches",
          .options = station_option_table(),
          .examples = {"flashline batch list"},
          .run = run_list};
}

Command batch_show_command() {
  return batch_verb("batch show", "How a batch stands", "flashline batch show 12", {}, run_show);
}

Command batch_pause_command() {
  return batch_verb("batch pause", "Begin no further unit; those in work are finished", "flashline batch pause 12",
                    reason_option, run_pause);
}

Command batch_resume_command() {
  return batch_verb("batch resume", "Go on with a paused batch", "flashline batch resume 12", {}, run_resume);
}

Command batch_close_command() {
  return batch_verb("batch close", "Begin no further unit, for good",
                    "flashline batch close 12 --reason 'order cancelled'", reason_option, run_close);
}

}  // namespace flashline::line
