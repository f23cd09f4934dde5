#pragma once
// What a command of `flashline` is. A new one is a file here and a row in commands.def.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "flasher/cli/arguments.h"
#include "flasher/cli/console.h"
#include "imaging/core/error.h"

namespace flashline::line {

/// An option of a command. `--json` and `--help` belong to every command and are not listed.
struct Option {
  std::string_view name;   ///< "--trust"
  std::string_view value;  ///< what follows it, for the help: "CERT.pem"; empty: a flag
  std::string_view help;
  bool repeatable = false;
};

struct Command {
  std::string_view name;      ///< one or two words: "image import"
  std::string_view operands;  ///< for the help: "IN OUT.ffu"
  std::size_t min_operands = 0;
  std::size_t max_operands = 0;
  std::string_view summary;  ///< one line, no full stop
  std::vector<Option> options;
  std::vector<std::string_view> examples;  ///< whole lines without a prompt; each is shown in the help
  /// Exit code by the contract of the command line, or the error that ended it (its exit code is exit_code_of).
  Result<int> (*run)(const Arguments& arguments, Console& console) = nullptr;
};

/// All commands, in the order of commands.def.
const std::vector<Command>& all_commands();

/// `options` and those of `more` behind them.
std::vector<Option> joined(std::vector<Option> options, const std::vector<Option>& more);

}  // namespace flashline::line
