#pragma once

#include <string_view>

namespace flashline::line {

/// As CMakeLists.txt has it.
std::string_view version();

}  // namespace flashline::line
