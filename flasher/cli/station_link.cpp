#include "flasher/cli/station_link.h"

#include <algorithm>
#include <boost/json.hpp>
#include <cstdlib>
#include <spdlog/fmt/fmt.h>

#include "flasher/cli/progress.h"
#include "imaging/core/errors/station.h"

namespace flashline::line {
namespace {

namespace json = boost::json;

constexpr std::string_view service_socket = "unix:/run/flashline/flashlined.sock";

std::string api_path(std::string_view path) { return "/api/v1/" + std::string{path}; }

/// The station's own error out of {"error":{code,text}}.
Error error_in(const HttpAnswer& answer) {
  boost::system::error_code failed;
  const json::value value = json::parse(answer.body, failed);
  const auto text_at = [&](const char* pointer) -> std::string {
    if (failed) return {};
    boost::system::error_code missing;
    const json::value* found = value.find_pointer(pointer, missing);
    return found != nullptr && found->is_string() ? std::string{found->get_string()} : std::string{};
  };
  Errc errc{};
  if (find_errc(text_at("/error/code"), errc)) return {errc, text_at("/error/text")};
  return {errc::station_answer, fmt::format("HTTP status {} {}", answer.status, text_at("/error/text"))};
}

Result<std::string> body_of(Result<HttpAnswer> answer) {
  if (!answer) return std::unexpected{std::move(answer).error()};
  if (answer->status < 200 || answer->status > 299) return std::unexpected{error_in(*answer)};
  return std::move(answer->body);
}

double number_of(const json::value& value) {
  boost::system::error_code ignored;
  return value.to_number<double>(ignored);
}

std::string joined_text(const json::array& values);

std::string plain_text(const json::value& value) {
  if (value.is_null()) return {};
  if (value.is_string()) return std::string{value.get_string()};
  if (value.is_array()) return joined_text(value.get_array());
  return json::serialize(value);
}

std::string joined_text(const json::array& values) {
  std::string text;
  for (const json::value& value : values) text += (text.empty() ? "" : ", ") + plain_text(value);
  return text;
}

std::string cell_of(const json::value& row, const Column& column) {
  boost::system::error_code missing;
  const json::value* found = row.find_pointer({column.pointer.data(), column.pointer.size()}, missing);
  if (found == nullptr || found->is_null()) return {};
  const double number = number_of(*found);
  switch (column.form) {
    case Column::Form::plain:
      return plain_text(*found);
    case Column::Form::bytes:
      return size_text(ByteCount{static_cast<std::uint64_t>(number)});
    case Column::Form::percent:
      return fmt::format("{:.1f} %", 100 * number);
    case Column::Form::seconds:
      return fmt::format("{:.0f} s", number);
    case Column::Form::rate:
      return number == 0 ? std::string{} : fmt::format("{:.1f} MB/s", number / 1e6);
  }
  return {};
}

Result<json::value> parsed(std::string_view text) {
  boost::system::error_code failed;
  json::value value = json::parse({text.data(), text.size()}, failed);
  if (failed) return fail(errc::station_answer, "the answer is not JSON");
  return value;
}

}  // namespace

const std::vector<Option>& station_option_table() {
  static const std::vector<Option> table{
      {"--station", "ADDRESS",
       "unix:PATH or http://127.0.0.1:PORT; else $FLASHLINE_STATION, else the system's station"},
  };
  return table;
}

Result<StationLink> StationLink::of(const Arguments& arguments) {
  const char* variable = std::getenv("FLASHLINE_STATION");
  const std::string fallback = variable != nullptr && *variable != '\0' ? variable : std::string{service_socket};
  FL_TRY(HttpClient client, HttpClient::parse(arguments.value("--station").value_or(fallback)));
  return StationLink{std::move(client)};
}

Result<std::string> StationLink::get(std::string_view path) const {
  return body_of(client_.call("GET", api_path(path), {}));
}

Result<std::string> StationLink::post(std::string_view path, std::string_view body) const {
  return body_of(client_.call("POST", api_path(path), body));
}

Status StationLink::stream(std::string_view path, const std::function<Status(std::string_view)>& piece) const {
  const auto done = body_of(client_.stream(api_path(path), piece));
  if (!done) return std::unexpected{done.error()};
  return {};
}

Status StationLink::listen(const std::function<bool(std::string_view)>& message) const {
  return client_.listen(api_path("events"), message);
}

std::string url_part(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
    out += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

Result<std::vector<std::string>> table_of(std::string_view text, std::string_view list,
                                          const std::vector<Column>& columns) {
  FL_TRY(const json::value value, parsed(text));
  const json::value* rows = value.is_object() ? value.get_object().if_contains({list.data(), list.size()}) : nullptr;
  if (rows == nullptr || !rows->is_array())
    return fail(errc::station_answer, fmt::format("there is no list '{}'", list));
  std::vector<std::vector<std::string>> cells(1);
  for (const Column& column : columns) cells[0].emplace_back(column.heading);
  for (const json::value& row : rows->get_array()) {
    auto& line = cells.emplace_back();
    for (const Column& column : columns) line.push_back(cell_of(row, column));
  }
  std::vector<std::string> lines(cells.size());
  for (std::size_t i = 0; i < columns.size(); ++i) {
    std::size_t width = 0;
    for (const auto& row : cells) width = std::max(width, row[i].size());
    const bool last = i + 1 == columns.size();
    for (std::size_t j = 0; j < cells.size(); ++j)
      lines[j] += last ? cells[j][i] : fmt::format("{:<{}}  ", cells[j][i], width);
  }
  for (std::string& line : lines) line.erase(line.find_last_not_of(' ') + 1);
  return lines;
}

Result<std::vector<std::string>> sheet_of(std::string_view text, const std::vector<Column>& fields) {
  FL_TRY(const json::value value, parsed(text));
  std::vector<std::string> lines;
  for (const Column& field : fields) {
    const std::string cell = cell_of(value, field);
    if (!cell.empty()) lines.push_back(fmt::format("{}: {}", field.heading, cell));
  }
  return lines;
}

Result<int> show_answer(Console& console, const std::string& text, const Result<std::vector<std::string>>& lines) {
  if (!lines) return std::unexpected{lines.error()};
  console.record(text);
  for (const std::string& line : *lines) console.say(line);
  return 0;
}

}  // namespace flashline::line
