#include "flasher/record/export.h"

#include <map>
#include <spdlog/fmt/fmt.h>
#include <spdlog/fmt/ranges.h>
#include <string>
#include <type_traits>
#include <utility>

#include "flasher/record/detail/row_fields.h"

namespace flashline::line {
namespace {

std::string csv_field(std::string text) {
  if (!text.empty() && std::string_view{"=+-@\t"}.find(text.front()) != std::string_view::npos) text.insert(0, "'");
  if (text.find_first_of("\",\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

/// Puts each visited field into a row of cells; keys become the header.
struct Cells {
  std::string prefix;
  std::string& header;
  std::string& row;

  void add(std::string_view key, std::string value) {
    header += (header.empty() ? "" : ",") + prefix + std::string{key};
    row += (row.empty() ? "" : ",") + csv_field(std::move(value));
  }
  void operator()(std::string_view key, const std::string& value) { add(key, value); }
  void operator()(std::string_view key, bool value) { add(key, value ? "yes" : "no"); }
  void operator()(std::string_view key, const std::optional<std::uint64_t>& value) {
    add(key, value ? std::to_string(*value) : "");
  }
  void operator()(std::string_view key, const std::map<std::string, std::string>& values) {
    std::string all;
    for (const auto& [name, value] : values) all += (all.empty() ? "" : "; ") + name + "=" + value;
    add(key, std::move(all));
  }
  template <class Item>
  void operator()(std::string_view key, const std::vector<Item>& values) {
    add(key, fmt::format("{}", fmt::join(values, " ")));
  }
  template <class Number>
    requires(std::is_integral_v<Number> && !std::is_same_v<Number, bool>)
  void operator()(std::string_view key, Number value) {
    add(key, std::to_string(value));
  }
  template <class State>
    requires std::is_enum_v<State>
  void operator()(std::string_view key, State value) {
    add(key, std::string{name_of(value)});
  }
};

struct Line {
  std::string header;
  std::string row;
};

Line line_of(UnitRow unit, AttemptRow attempt, BatchRow batch) {
  Line line;
  detail::visit_fields(unit, Cells{"", line.header, line.row});
  detail::visit_fields(attempt, Cells{"attempt_", line.header, line.row});
  detail::visit_fields(batch, Cells{"batch_", line.header, line.row});
  line.header += "\r\n";
  line.row += "\r\n";
  return line;
}

Status export_unit(RecordReader& records, const UnitRow& unit, const BatchRow& batch, const TakeLine& take) {
  FL_TRY(auto attempts, records.attempts(unit.serial));
  if (attempts.empty()) attempts.emplace_back();
  for (const auto& attempt : attempts) FL_CHECK(take(line_of(unit, attempt, batch).row));
  return {};
}

}  // namespace

Status export_log(RecordReader& records, std::optional<std::int64_t> batch, std::uint64_t after, const TakeLine& take) {
  return records.each_record(batch, after, [&](const StoredRecord& stored) {
    return take(fmt::format("{{\"hash\":\"{}\",\"record\":{}}}\n", stored.hash, stored.body));
  });
}

Status export_csv(RecordReader& records, std::optional<std::int64_t> batch, const TakeLine& take) {
  FL_CHECK(take(line_of({}, {}, {}).header));
  FL_TRY(const auto batches, records.batches());
  for (const auto& row : batches) {
    if (batch && row.id != *batch) continue;
    FL_TRY(const auto units, records.units({.batch = row.id, .state = {}}));
    for (const auto& unit : units) FL_CHECK(export_unit(records, unit, row, take));
  }
  return {};
}

}  // namespace flashline::line
