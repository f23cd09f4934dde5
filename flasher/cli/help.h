#pragma once
// Help texts, all made from the table of commands.

#include <string>
#include <string_view>

#include "flasher/cli/command.h"

namespace flashline::line {

/// The commands whose name begins with `group` ("image"), or all of them.
std::string help_overview(std::string_view group = {});
/// One command: how to call it, its options, examples.
std::string help_of(const Command& command);

}  // namespace flashline::line
