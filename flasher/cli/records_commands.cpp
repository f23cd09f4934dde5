// flashline records export | verify
#include <charconv>
#include <cstdio>
#include <spdlog/fmt/fmt.h>

#include "flasher/api/station_json.h"
#include "flasher/cli/station_link.h"
#include "flasher/record/export.h"
#include "flasher/record/offline.h"
#include "flasher/record/verify.h"
#include "imaging/core/errors/image.h"
#include "imaging/core/errors/record.h"

namespace flashline::line {
namespace {

Status put(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size()) return {};
  return fail(errc::image_write, "standard output could not take the whole export");
}

Result<std::optional<std::int64_t>> batch_of(const Arguments& arguments) {
  FL_TRY(const auto number, arguments.number("--batch"));
  if (!number) return std::nullopt;
  return static_cast<std::int64_t>(*number);
}

Status export_offline(const std::string& folder, const Arguments& arguments) {
  FL_TRY(const auto batch, batch_of(arguments));
  FL_TRY(auto records, open_offline(folder));
  return arguments.has("--csv") ? export_csv(records.reader, batch, put) : export_log(records.reader, batch, 0, put);
}

Status export_from_station(const Arguments& arguments) {
  FL_TRY(const auto link, StationLink::of(arguments));
  FL_TRY(const auto batch, batch_of(arguments));
  std::string path = arguments.has("--csv") ? "records?format=csv" : "records?format=jsonl";
  if (batch) path += fmt::format("&batch={}", *batch);
  return link.stream(path, put);
}

Result<int> run_export(const Arguments& arguments, Console&) {
  const auto folder = arguments.value("--state");
  FL_CHECK(folder ? export_offline(*folder, arguments) : export_from_station(arguments));
  return 0;
}

Result<std::string> verification(const Arguments& arguments) {
  if (const auto folder = arguments.value("--state")) {
    FL_TRY(const VerifyReport report, verify_records(std::filesystem::path{*folder}));
    return verify_json(report);
  }
  FL_TRY(const auto link, StationLink::of(arguments));
  return link.get("records/verify");
}

Result<int> run_verify(const Arguments& arguments, Console& console) {
  FL_TRY(const std::string report, verification(arguments));
  static const std::vector<Column> fields{{"Intact", "/ok"},
                                          {"Records", "/records"},
                                          {"First bad record", "/first_bad"},
                                          {"Why", "/reason"},
                                          {"Last hash", "/tip_hash"}};
  FL_TRY(const int shown, show_answer(console, report, sheet_of(report, fields)));
  const bool intact = report.find("\"ok\":true") != std::string::npos;
  return intact ? shown : exit_code_of(errc::record_store_damaged);
}

const std::vector<Option> offline_option{{"--state", "FOLDER", "read the records of a station that is not running"}};
const std::vector<Option> export_options{
    {"--batch", "BATCH", "only records of this batch"},
    {"--csv", "", "one row an attempt, for spreadsheets, instead of JSON Lines"},
};

}  // namespace

Command records_export_command() {
  return {.name = "records export",
          .operands = "",
          .summary = "The records as JSON Lines with their hashes, or as CSV",
          .options = joined(joined(export_options, offline_option), station_option_table()),
          .examples = {"flashline records export > records.jsonl",
                       "flashline records export --batch 12 --csv > batch-12.csv"},
          .run = run_export};
}

Command records_verify_command() {
  return {.name = "records verify",
          .operands = "",
          .summary = "Whether the records are as they were written",
          .options = joined(offline_option, station_option_table()),
          .examples = {"flashline records verify", "flashline records verify --state /var/lib/flashline"},
          .run = run_verify};
}

}  // namespace flashline::line
