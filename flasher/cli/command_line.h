#pragma once
// From the words of the command line to an exit code. Read command.h to add a command.

#include <string>
#include <vector>

#include "flasher/cli/console.h"

namespace flashline::line {

/// Runs `flashline` with `words` (without the program's name) and gives its exit code: 0 all passed · 1 a unit failed ·
/// 2 usage · 3 image or input not valid · 4 not trusted · 5 target refused or unusable · 6 configuration not valid ·
/// 7 station not reachable.
int run_command_line(std::vector<std::string> words, Console& console);

}  // namespace flashline::line
