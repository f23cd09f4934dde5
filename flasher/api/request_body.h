#pragma once
// The JSON object that a request carries, field by field.

#include <cstdint>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "imaging/core/error.h"

namespace flashline::line {

/// Text and whole numbers are all that our requests hold.
class RequestBody {
 public:
  /// Fields not in `known` are refused. An empty text is an object without fields.
  /// Errors: request_malformed (no JSON object), request_field.
  static Result<RequestBody> parse(std::string_view text, std::initializer_list<std::string_view> known);

  /// Empty when it is not there. Errors: request_field (a number, too long).
  Result<std::string> text(std::string_view name) const;
  /// The same, which must be there and not be empty.
  Result<std::string> needed(std::string_view name) const;
  /// Errors: request_field (not a whole number from `least` to `most`).
  Result<std::optional<std::uint64_t>> number(std::string_view name, std::uint64_t least, std::uint64_t most) const;

 private:
  std::map<std::string, std::variant<std::string, std::uint64_t>, std::less<>> fields_;
};

}  // namespace flashline::line
