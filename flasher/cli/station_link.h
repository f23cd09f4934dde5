#pragma once
// How a command talks to the station, and what it makes of the answers.

#include <string>
#include <string_view>
#include <vector>

#include "flasher/api/http_client.h"
#include "flasher/cli/arguments.h"
#include "flasher/cli/command.h"
#include "flasher/cli/console.h"
#include "imaging/core/error.h"

namespace flashline::line {

/// --station, which every command has that asks a station.
const std::vector<Option>& station_option_table();

/// The API of a station. Answers that say no come back as the station's own error.
class StationLink {
 public:
  /// From --station, else $FLASHLINE_STATION, else the socket of the system service. Errors: usage.
  static Result<StationLink> of(const Arguments& arguments);

  /// `path` is below /api/v1: "slots/3". Gives the JSON of the answer. Errors: station_unreachable, station_answer, and
  /// whatever the station refused.
  Result<std::string> get(std::string_view path) const;
  Result<std::string> post(std::string_view path, std::string_view body = {}) const;
  /// A long answer, piece by piece.
  Status stream(std::string_view path, const std::function<Status(std::string_view)>& piece) const;
  /// Events until `message` says false or the station ends.
  Status listen(const std::function<bool(std::string_view)>& message) const;

 private:
  explicit StationLink(HttpClient client) : client_{std::move(client)} {}
  HttpClient client_;
};

/// `text` percent-encoded for a path or a query.
std::string url_part(std::string_view text);

/// A column of a table: what stands at `pointer` (RFC 6901) of each row. Null is empty.
struct Column {
  enum class Form : std::uint8_t { plain, bytes, percent, seconds, rate };
  std::string_view heading;
  std::string_view pointer;
  Form form = Form::plain;
};

/// Lines of a table with a heading, of the array `list` of the object `json`. Errors: station_answer.
Result<std::vector<std::string>> table_of(std::string_view json, std::string_view list,
                                          const std::vector<Column>& columns);

/// "Name: value" lines of one object. Values that are null or empty are left out. Errors: station_answer.
Result<std::vector<std::string>> sheet_of(std::string_view json, const std::vector<Column>& fields);

/// Prints an answer: as it is under --json, else `lines`.
Result<int> show_answer(Console& console, const std::string& json, const Result<std::vector<std::string>>& lines);

}  // namespace flashline::line
