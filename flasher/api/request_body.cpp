#include "flasher/api/request_body.h"

#include <algorithm>
#include <boost/json.hpp>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/errors/usage.h"

namespace flashline::line {
namespace {

namespace json = boost::json;

constexpr std::size_t max_text = 4096;

std::unexpected<Error> bad_field(std::string_view name, std::string_view what) {
  return fail(errc::request_field, fmt::format("field \"{}\" {}", name, what));
}

}  // namespace

Result<RequestBody> RequestBody::parse(std::string_view text, std::initializer_list<std::string_view> known) {
  RequestBody body;
  if (text.empty()) return body;
  boost::system::error_code error;
  json::parse_options options;
  options.max_depth = 4;
  const json::value value = json::parse({text.data(), text.size()}, error, {}, options);
  const json::object* object = error ? nullptr : value.if_object();
  if (object == nullptr) return fail(errc::request_malformed, "the body is not a JSON object");
  for (const auto& member : *object) {
    const std::string_view name{member.key().data(), member.key().size()};
    if (std::ranges::find(known, name) == known.end()) return bad_field(name, "is not known");
    if (member.value().is_null()) continue;
    if (const auto* string = member.value().if_string()) {
      const std::string_view content{string->data(), string->size()};
      if (content.size() > max_text) return bad_field(name, "is too long");
      if (content.find('\0') != std::string_view::npos) return bad_field(name, "holds a zero byte");
      body.fields_.emplace(name, std::string{content});
    } else if (const auto* number = member.value().if_int64(); number != nullptr && *number >= 0) {
      body.fields_.emplace(name, static_cast<std::uint64_t>(*number));
    } else if (const auto* large = member.value().if_uint64()) {
      body.fields_.emplace(name, *large);
    } else {
      return bad_field(name, "is neither text nor a whole number");
    }
  }
  return body;
}

Result<std::string> RequestBody::text(std::string_view name) const {
  const auto found = fields_.find(name);
  if (found == fields_.end()) return std::string{};
  if (const auto* value = std::get_if<std::string>(&found->second)) return *value;
  return bad_field(name, "is not text");
}

Result<std::string> RequestBody::needed(std::string_view name) const {
  FL_TRY(std::string value, text(name));
  if (value.empty()) return bad_field(name, "is missing");
  return value;
}

Result<std::optional<std::uint64_t>> RequestBody::number(std::string_view name, std::uint64_t least,
                                                         std::uint64_t most) const {
  const auto found = fields_.find(name);
  if (found == fields_.end()) return std::nullopt;
  const auto* value = std::get_if<std::uint64_t>(&found->second);
  if (value != nullptr && *value >= least && *value <= most) return *value;
  return bad_field(name, fmt::format("is not a whole number from {} to {}", least, most));
}

}  // namespace flashline::line
