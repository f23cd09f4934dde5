#pragma once
// The words that a command was given, sorted into options and operands.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "imaging/core/error.h"

namespace flashline::line {

struct Command;

class Arguments {
 public:
  Arguments() = default;
  Arguments(std::vector<std::string> operands, std::map<std::string, std::vector<std::string>, std::less<>> options)
      : operands_{std::move(operands)}, options_{std::move(options)} {}

  const std::vector<std::string>& operands() const { return operands_; }
  /// The option was given.
  bool has(std::string_view option) const { return options_.contains(option); }
  /// Value of an option that is given once at most.
  std::optional<std::string> value(std::string_view option) const;
  /// Values of a repeatable option, in order.
  std::vector<std::string> values(std::string_view option) const;
  /// Value as a whole number. Errors: usage.
  Result<std::optional<std::uint64_t>> number(std::string_view option) const;
  /// Value as bytes: digits and a unit, "1GiB", "500MB". Errors: usage.
  Result<std::optional<std::uint64_t>> size(std::string_view option) const;

 private:
  std::vector<std::string> operands_;
  std::map<std::string, std::vector<std::string>, std::less<>> options_;
};

/// Sorts `words` (those after the command's name) by the table of `command`. `--name value` and `--name=value`; after
/// `--` only operands follow. Errors: usage, with the nearest name where one is misspelled.
Result<Arguments> parse_arguments(const Command& command, const std::vector<std::string>& words);

}  // namespace flashline::line
