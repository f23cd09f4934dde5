#pragma once
// A request and its answer, free of the library that carries them.

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "imaging/core/error.h"

namespace flashline::line {

namespace asio = boost::asio;

struct HttpRequest {
  std::string method;  ///< upper case
  std::string target;  ///< as sent, path and query
  std::string content_type;
  std::string body;
  bool local_socket = false;  ///< came in by the Unix socket
};

/// The next piece of a long answer; empty: that was all.
using BodySource = std::function<asio::awaitable<Result<std::string>>()>;

struct HttpResponse {
  unsigned status = 200;
  std::string content_type = "application/json";
  std::string body;
  BodySource source;  ///< where it is set, the body comes from it piece by piece
  std::vector<std::pair<std::string, std::string>> headers;
};

/// A target taken apart and percent-decoded.
struct Target {
  std::vector<std::string> segments;  ///< "/a/b%2Fc" is {"a", "b/c"}
  std::vector<std::pair<std::string, std::string>> query;

  /// The first value of that name.
  std::optional<std::string> value(std::string_view name) const;
};

/// Errors: request_malformed (no path, bad percent encoding, a zero byte).
Result<Target> parse_target(std::string_view target);

/// May a request with these headers come in on 127.0.0.1:`port`? Refused: any Host but 127.0.0.1 and localhost with
/// that port, any Origin but theirs. So a page that the operator visits cannot drive the station, also not by a name
/// that is re-bound to 127.0.0.1. Errors: foreign_host, foreign_origin.
Status check_tcp_caller(const std::vector<std::string_view>& hosts, const std::vector<std::string_view>& origins,
                        std::uint16_t port);

/// {"error":{code,text,advice}} with the status that fits.
HttpResponse error_response(const Error& error);
/// The HTTP status that says `errc`.
unsigned status_of(Errc errc);

}  // namespace flashline::line
