#include "flasher/cli/arguments.h"

#include <algorithm>
#include <numeric>
#include <spdlog/fmt/fmt.h>

#include "flasher/cli/command.h"
#include "imaging/core/errors/usage.h"
#include "imaging/core/nearest.h"
#include "station-config/values.h"

namespace flashline::line {
namespace {

const Option* find_option(const Command& command, std::string_view name) {
  const auto found = std::ranges::find(command.options, name, &Option::name);
  return found != command.options.end() ? &*found : nullptr;
}

std::unexpected<Error> unknown_option(const Command& command, std::string_view name) {
  std::vector<std::string_view> known{"--json", "--help"};
  for (const Option& option : command.options) known.push_back(option.name);
  const auto meant = nearest(name, known);
  const std::string hint = meant ? fmt::format(", did you mean {}?", *meant) : "";
  return fail(errc::usage, fmt::format("flashline {}: unknown option {}{}", command.name, name, hint));
}

using Options = std::map<std::string, std::vector<std::string>, std::less<>>;
using Word = std::vector<std::string>::const_iterator;

/// Takes the option at `word` and its value; `word` is its last one afterwards.
Status take_option(const Command& command, Word& word, Word end, Options& options) {
  const std::string_view text = *word;
  const std::size_t equals = text.find('=');
  const std::string_view name = text.substr(0, equals);
  const Option* option = find_option(command, name);
  if (option == nullptr) return unknown_option(command, name);
  std::vector<std::string>& values = options[std::string{name}];
  if (!values.empty() && !option->repeatable) {
    return fail(errc::usage, fmt::format("flashline {}: {} is given twice", command.name, name));
  }
  if (option->value.empty()) {
    if (equals != text.npos)
      return fail(errc::usage, fmt::format("flashline {}: {} takes no value", command.name, name));
    values.emplace_back();
  } else if (equals != text.npos) {
    values.emplace_back(text.substr(equals + 1));
  } else if (word + 1 == end) {
    return fail(errc::usage,
                fmt::format("flashline {}: {} needs a value: {} {}", command.name, name, name, option->value));
  } else {
    values.push_back(*++word);
  }
  return {};
}

Status check_operands(const Command& command, const std::vector<std::string>& operands) {
  if (operands.size() < command.min_operands) {
    return fail(errc::usage, fmt::format("flashline {}: needs {}", command.name, command.operands));
  }
  if (operands.size() > command.max_operands) {
    return fail(errc::usage,
                fmt::format("flashline {}: '{}' is one word too many", command.name, operands[command.max_operands]));
  }
  return {};
}

}  // namespace

std::optional<std::string> Arguments::value(std::string_view option) const {
  const auto found = options_.find(option);
  if (found == options_.end()) return std::nullopt;
  return found->second.back();
}

std::vector<std::string> Arguments::values(std::string_view option) const {
  const auto found = options_.find(option);
  return found != options_.end() ? found->second : std::vector<std::string>{};
}

Result<std::optional<std::uint64_t>> Arguments::number(std::string_view option) const {
  const auto text = value(option);
  if (!text) return std::nullopt;
  const auto number = config::parse_number(*text);
  if (!number) return fail(errc::usage, fmt::format("{} {}: not a whole number", option, *text));
  return number;
}

Result<std::optional<std::uint64_t>> Arguments::size(std::string_view option) const {
  const auto text = value(option);
  if (!text) return std::nullopt;
  const auto size = config::parse_size(*text);
  if (!size)
    return fail(errc::usage, fmt::format("{} {}: not a size such as 1073741824, 1GiB or 500MB", option, *text));
  return size;
}

Result<Arguments> parse_arguments(const Command& command, const std::vector<std::string>& words) {
  std::vector<std::string> operands;
  Options options;
  for (auto word = words.begin(); word != words.end(); ++word) {
    if (*word == "--") {
      operands.insert(operands.end(), word + 1, words.end());
      break;
    }
    // A lone "-" is an operand by custom.
    if (word->size() > 1 && word->front() == '-') {
      FL_CHECK(take_option(command, word, words.end(), options));
    } else {
      operands.push_back(*word);
    }
  }
  FL_CHECK(check_operands(command, operands));
  return Arguments{std::move(operands), std::move(options)};
}

}  // namespace flashline::line
