#pragma once
// The station's API from the outside, for the command line. Blocking.

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "imaging/core/error.h"

namespace flashline::line {

struct HttpAnswer {
  unsigned status = 0;
  std::string body;
};

/// "unix:PATH" or "http://127.0.0.1:PORT".
class HttpClient {
 public:
  /// Errors: usage (neither form).
  static Result<HttpClient> parse(std::string_view station);

  /// One request on a connection of its own. `body` empty: none is sent. Errors: station_unreachable, station_answer.
  Result<HttpAnswer> call(std::string_view method, std::string_view target, std::string_view body) const;
  /// A GET whose answer is handed over piece by piece. A status other than 200 comes back as answer.
  Result<HttpAnswer> stream(std::string_view target, const std::function<Status(std::string_view)>& piece) const;
  /// Messages of a WebSocket, until `message` says false or the station ends. Errors: those of call().
  Status listen(std::string_view target, const std::function<bool(std::string_view)>& message) const;

  const std::string& name() const { return name_; }

 private:
  std::string name_;
  std::string socket_;  ///< path; empty: TCP
  std::uint16_t port_ = 0;
};

}  // namespace flashline::line
