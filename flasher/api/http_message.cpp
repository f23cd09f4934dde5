#include "flasher/api/http_message.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/errors/record.h"
#include "imaging/core/errors/station.h"
#include "imaging/core/errors/unit.h"
#include "imaging/core/errors/usage.h"

namespace flashline::line {
namespace {

std::optional<int> hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  if (lower >= 'a' && lower <= 'f') return lower - 'a' + 10;
  return std::nullopt;
}

std::optional<std::string> percent_decoded(std::string_view text, bool plus_is_blank) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_blank) {
      out += ' ';
    } else if (text[i] != '%') {
      out += text[i];
    } else {
      const auto high = i + 2 < text.size() ? hex_digit(text[i + 1]) : std::nullopt;
      const auto low = i + 2 < text.size() ? hex_digit(text[i + 2]) : std::nullopt;
      if (!high || !low || (*high == 0 && *low == 0)) return std::nullopt;
      out += static_cast<char>(*high << 4 | *low);
      i += 2;
    }
  }
  return out;
}

/// Pieces of `text` between `separator`s.
std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> pieces;
  while (true) {
    const std::size_t end = text.find(separator);
    pieces.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return pieces;
    text.remove_prefix(end + 1);
  }
}

std::string lower(std::string_view text) {
  std::string out{text};
  std::ranges::transform(out, out.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
  return out;
}

struct StatusRow {
  Errc errc;
  unsigned status;
};

constexpr std::array exact_statuses{
    StatusRow{errc::no_such_path, 404},      StatusRow{errc::no_such_slot, 404},
    StatusRow{errc::slot_busy, 409},         StatusRow{errc::no_such_batch, 404},
    StatusRow{errc::no_such_unit, 404},      StatusRow{errc::batch_open, 409},
    StatusRow{errc::batch_state, 409},       StatusRow{errc::method_not_allowed, 405},
    StatusRow{errc::request_too_large, 413}, StatusRow{errc::request_content_type, 415},
    StatusRow{errc::foreign_host, 403},      StatusRow{errc::foreign_origin, 403},
    StatusRow{errc::station_stopping, 503},  StatusRow{errc::learn_open, 409},
    StatusRow{errc::learn_closed, 409},
};

struct AreaRow {
  std::string_view prefix;
  unsigned status;
};

constexpr std::array area_statuses{AreaRow{"FL-USE", 400}, AreaRow{"FL-IMG", 422}, AreaRow{"FL-TRU", 422},
                                   AreaRow{"FL-CFG", 422}, AreaRow{"FL-UNI", 422}, AreaRow{"FL-TGT", 409},
                                   AreaRow{"FL-DEV", 409}};

}  // namespace

std::optional<std::string> Target::value(std::string_view name) const {
  const auto found = std::ranges::find(query, name, &std::pair<std::string, std::string>::first);
  if (found == query.end()) return std::nullopt;
  return found->second;
}

Result<Target> parse_target(std::string_view target) {
  if (!target.starts_with('/')) return fail(errc::request_malformed, "the request names no path");
  const std::size_t mark = target.find('?');
  Target parsed;
  for (const std::string_view piece : split(target.substr(1, mark == std::string_view::npos ? mark : mark - 1), '/')) {
    auto segment = percent_decoded(piece, false);
    if (!segment) return fail(errc::request_malformed, "the path is wrongly percent-encoded");
    parsed.segments.push_back(std::move(*segment));
  }
  if (mark == std::string_view::npos) return parsed;
  for (const std::string_view piece : split(target.substr(mark + 1), '&')) {
    if (piece.empty()) continue;
    const std::size_t equals = std::min(piece.find('='), piece.size());
    auto name = percent_decoded(piece.substr(0, equals), true);
    auto value = percent_decoded(piece.substr(std::min(equals + 1, piece.size())), true);
    if (!name || !value) return fail(errc::request_malformed, "the query is wrongly percent-encoded");
    parsed.query.emplace_back(std::move(*name), std::move(*value));
  }
  return parsed;
}

Status check_tcp_caller(const std::vector<std::string_view>& hosts, const std::vector<std::string_view>& origins,
                        std::uint16_t port) {
  const std::array own{fmt::format("127.0.0.1:{}", port), fmt::format("localhost:{}", port)};
  const auto is_own_host = [&](std::string_view host) { return std::ranges::find(own, lower(host)) != own.end(); };
  if (hosts.size() != 1 || !is_own_host(hosts[0])) {
    return fail(errc::foreign_host, fmt::format("the Host header is not {}", own[0]));
  }
  for (const std::string_view origin : origins) {
    if (origin.starts_with("http://") && is_own_host(origin.substr(7))) continue;
    return fail(errc::foreign_origin, "the request comes from a page that is not the station's");
  }
  return {};
}

unsigned status_of(Errc errc) {
  for (const StatusRow& row : exact_statuses) {
    if (row.errc == errc) return row.status;
  }
  for (const AreaRow& row : area_statuses) {
    if (code_of(errc).starts_with(row.prefix)) return row.status;
  }
  return 500;
}

HttpResponse error_response(const Error& error) {
  boost::json::object body;
  body["code"] = code_of(error.code);
  body["text"] = error.detail;
  body["advice"] = advice_of(error.code);
  HttpResponse response{.status = status_of(error.code), .body = {}, .source = {}, .headers = {}};
  response.body = boost::json::serialize(boost::json::object{{"error", std::move(body)}});
  return response;
}

}  // namespace flashline::line
