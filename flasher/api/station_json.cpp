#include "flasher/api/station_json.h"

#include <boost/json.hpp>

#include "flasher/version.h"
#include "imaging/core/digest.h"

namespace flashline::line {
namespace {

namespace json = boost::json;

json::value text_or_null(std::string_view text) { return text.empty() ? json::value{} : json::value(text); }
template <class T>
json::value value_or_null(const std::optional<T>& value) {
  return value ? json::value(*value) : json::value{};
}

json::value number_or_null(std::int64_t number) { return number == 0 ? json::value{} : json::value(number); }

json::object error_object(std::string_view code, std::string_view text, std::string_view advice) {
  return {{"code", code}, {"text", text}, {"advice", advice}};
}

json::value error_or_null(const std::optional<Error>& error) {
  if (!error) return {};
  return error_object(code_of(error->code), error->detail, advice_of(error->code));
}

json::value recorded_error(const AttemptRow& attempt) {
  if (attempt.error_code.empty()) return {};
  Errc errc{};
  const bool known = find_errc(attempt.error_code, errc);
  return error_object(attempt.error_code, attempt.error_text, known ? advice_of(errc) : "");
}

json::object attempt_object(const AttemptRow& attempt) {
  return {{"number", attempt.number},
          {"slot", attempt.slot},
          {"target", attempt.target},
          {"medium", text_or_null(attempt.medium)},
          {"state", name_of(attempt.state)},
          {"phase", attempt.phase},
          {"started_at", attempt.started_at},
          {"ended_at", text_or_null(attempt.ended_at)},
          {"error", recorded_error(attempt)},
          {"bytes_written", attempt.bytes_written},
          {"bytes_verified", attempt.bytes_verified},
          {"bytes_resumed", attempt.bytes_resumed},
          {"read_back", text_or_null(attempt.read_back)},
          {"retried_lbas", json::value_from(attempt.retried_lbas)},
          {"bad_lbas", json::value_from(attempt.bad_lbas)},
          {"image_digest", text_or_null(attempt.image_digest)},
          {"operator", attempt.operator_name},
          {"log", attempt.log}};
}

}  // namespace

std::string slot_json(const SlotView& slot) {
  json::object progress{{"done_bytes", slot.done_bytes},
                        {"total_bytes", slot.total_bytes},
                        {"rate_bytes_per_s", slot.rate_bytes_per_s},
                        {"seconds_left", value_or_null(slot.seconds_left)}};
  return json::serialize(json::object{{"name", slot.name},
                                      {"row", slot.row},
                                      {"column", slot.column},
                                      {"kind", slot.kind},
                                      {"target", slot.target},
                                      {"board", text_or_null(slot.board)},
                                      {"state", slot.state},
                                      {"batch", value_or_null(slot.batch)},
                                      {"unit", value_or_null(slot.unit)},
                                      {"serial", text_or_null(slot.serial)},
                                      {"attempt", number_or_null(slot.attempt)},
                                      {"phase", text_or_null(slot.phase)},
                                      {"progress", std::move(progress)},
                                      {"medium", text_or_null(slot.medium)},
                                      {"since", slot.since},
                                      {"error", error_or_null(slot.error)}});
}

std::string ports_json(const std::vector<PortView>& ports) {
  json::array all;
  for (const PortView& port : ports) {
    all.push_back(json::object{{"port", port.port},
                               {"slot", text_or_null(port.slot)},
                               {"board", text_or_null(port.board)},
                               {"id", port.id},
                               {"name", port.name},
                               {"serial", text_or_null(port.serial)},
                               {"speed", port.speed},
                               {"disk", text_or_null(port.disk)},
                               {"size_bytes", port.disk.empty() ? json::value{} : json::value(port.size_bytes)}});
  }
  return json::serialize(all);
}

std::string batch_json(const BatchView& batch) {
  const BatchRow& row = batch.row;
  return json::serialize(json::object{{"id", row.id},
                                      {"name", row.name},
                                      {"image", row.image},
                                      {"image_digest", text_or_null(row.image_digest)},
                                      {"recipe", text_or_null(row.recipe)},
                                      {"units_csv", text_or_null(row.units_file)},
                                      {"state", name_of(row.state)},
                                      {"reason", text_or_null(row.reason)},
                                      {"quantity", value_or_null(row.quantity)},
                                      {"passed", batch.counts.passed},
                                      {"failed_attempts", batch.counts.failed_attempts},
                                      {"voided", batch.counts.voided},
                                      {"in_work", batch.counts.reserved},
                                      {"left", value_or_null(batch.left)},
                                      {"yield", value_or_null(batch.yield)},
                                      {"created_at", row.created_at},
                                      {"closed_at", text_or_null(row.closed_at)},
                                      {"operator", row.operator_name}});
}

std::string unit_json(const UnitRow& unit, const std::vector<AttemptRow>& attempts) {
  json::array tries;
  for (const AttemptRow& attempt : attempts) tries.push_back(attempt_object(attempt));
  return json::serialize(json::object{{"serial", unit.serial},
                                      {"id", unit.serial},
                                      {"batch", unit.batch},
                                      {"number", unit.number},
                                      {"macs", json::value_from(unit.macs)},
                                      {"hostname", unit.hostname},
                                      {"fields", json::value_from(unit.fields)},
                                      {"state", name_of(unit.state)},
                                      {"slot", unit.slot},
                                      {"medium", text_or_null(unit.medium)},
                                      {"reason", text_or_null(unit.reason)},
                                      {"reserved_at", unit.reserved_at},
                                      {"ended_at", text_or_null(unit.ended_at)},
                                      {"attempts", std::move(tries)}});
}

std::string image_json(const ShelfImage& image) {
  json::array platforms;
  for (const auto& store : image.platform_ids) platforms.push_back(json::value(store));
  return json::serialize(json::object{{"path", image.path.string()},
                                      {"format", image.format},
                                      {"size", image.size},
                                      {"signer", text_or_null(image.signer)},
                                      {"platform_ids", std::move(platforms)},
                                      {"digest", text_or_null(image.digest)},
                                      {"warnings", json::value_from(image.warnings)}});
}

std::string verify_json(const VerifyReport& report) {
  json::array findings;
  for (const VerifyFinding& finding : report.findings) {
    findings.push_back(json::object{{"seq", finding.seq}, {"text", finding.text}});
  }
  const auto first_bad = report.first_bad();
  return json::serialize(
      json::object{{"ok", report.ok()},
                   {"records", report.records},
                   {"tip_hash", report.tip_hash},
                   {"first_bad", first_bad ? json::value(*first_bad) : json::value{}},
                   {"reason", report.ok() ? json::value{} : json::value(report.findings.front().text)},
                   {"findings", std::move(findings)}});
}

std::string record_json(const RecordAppended& record) {
  return json::serialize(json::object{{"seq", record.seq},
                                      {"at", record.at},
                                      {"kind", record.kind},
                                      {"batch", number_or_null(record.batch)},
                                      {"serial", text_or_null(record.serial)}});
}

std::string station_json(const config::Station& station, const std::vector<std::string>& warnings,
                         std::string_view started_at, std::int64_t open_batch) {
  return json::serialize(json::object{{"name", station.name},
                                      {"mode", to_word(station.mode)},
                                      {"version", version()},
                                      {"started_at", started_at},
                                      {"slots_total", station.slots.size()},
                                      {"batch", number_or_null(open_batch)},
                                      {"warnings", json::value_from(warnings)}});
}

std::string learn_json(const LearnView& view, const std::vector<std::string>& boards) {
  json::array slots;
  for (const LearnView::Slot& slot : view.slots) {
    slots.push_back(json::object{{"name", slot.name},
                                 {"row", slot.row},
                                 {"column", slot.column},
                                 {"board", slot.board},
                                 {"port", text_or_null(slot.port)},
                                 {"asked", slot.asked}});
  }
  return json::serialize(json::object{{"state", name_of(view.state)},
                                      {"prompt", text_or_null(view.prompt)},
                                      {"said", text_or_null(view.said)},
                                      {"slots", std::move(slots)},
                                      {"boards", json::value_from(boards)}});
}

std::string error_json(const Error& error) { return json::serialize(error_or_null(error)); }

std::string json_string(std::string_view text) { return json::serialize(json::string{text}); }

std::string json_array(const std::vector<std::string>& values) {
  std::string out = "[";
  for (const char* separator = ""; const std::string& value : values) {
    out.append(std::exchange(separator, ",")).append(value);
  }
  return out += "]";
}

std::string json_object(std::initializer_list<std::pair<std::string_view, std::string>> members) {
  std::string out = "{";
  for (const char* separator = ""; const auto& [name, value] : members) {
    out.append(std::exchange(separator, ",")).append(json_string(name)).append(":").append(value);
  }
  return out += "}";
}

}  // namespace flashline::line
