#include "flasher/cli/help.h"

#include <algorithm>
#include <spdlog/fmt/fmt.h>

namespace flashline::line {
namespace {

constexpr std::string_view exit_codes =
    "Exit codes: 0 all passed, 1 a unit failed, 2 usage, 3 image or input not valid, 4 not trusted,\n"
    "5 target refused or unusable, 6 configuration not valid, 7 station not reachable.\n";

std::string call_of(const Command& command) {
  return command.operands.empty() ? std::string{command.name} : fmt::format("{} {}", command.name, command.operands);
}

std::string label_of(const Option& option) {
  return option.value.empty() ? std::string{option.name} : fmt::format("{} {}", option.name, option.value);
}

std::string option_lines(const Command& command) {
  const std::vector<Option> all =
      joined(command.options,
             {{"--json", "", "JSON on standard output (JSON Lines where it streams)"}, {"--help", "", "this text"}});
  std::size_t width = 0;
  for (const Option& option : all) width = std::max(width, label_of(option).size());
  std::string text;
  for (const Option& option : all) {
    text +=
        fmt::format("  {:<{}}  {}{}\n", label_of(option), width, option.help, option.repeatable ? " (repeatable)" : "");
  }
  return text;
}

}  // namespace

std::vector<Option> joined(std::vector<Option> options, const std::vector<Option>& more) {
  options.insert(options.end(), more.begin(), more.end());
  return options;
}

std::string help_overview(std::string_view group) {
  std::size_t width = 0;
  const auto listed = [&](const Command& command) {
    return group.empty() || command.name == group || command.name.starts_with(std::string{group} + " ");
  };
  for (const Command& command : all_commands()) {
    if (listed(command)) width = std::max(width, call_of(command).size());
  }
  std::string text = "usage: flashline COMMAND [OPTION...]\n\n";
  for (const Command& command : all_commands()) {
    if (listed(command)) text += fmt::format("  {:<{}}  {}\n", call_of(command), width, command.summary);
  }
  return text + "\nflashline COMMAND --help tells more about one; flashline --version names the version.\n" +
         std::string{exit_codes};
}

std::string help_of(const Command& command) {
  std::string text = fmt::format("usage: flashline {} [OPTION...]\n\n{}.\n\n{}", call_of(command), command.summary,
                                 option_lines(command));
  if (!command.examples.empty()) text += "\nExamples:\n";
  for (const std::string_view example : command.examples) text += fmt::format("  {}\n", example);
  return text + "\n" + std::string{exit_codes};
}

}  // namespace flashline::line
