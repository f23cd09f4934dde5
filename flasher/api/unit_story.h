#pragma once
// A unit's life in sentences, for whoever has to find out why a board is as it is.

#include <string>
#include <vector>

#include "flasher/record/rows.h"

namespace flashline::line {

/// Lines of plain text, oldest first.
std::string unit_story(const UnitRow& unit, const BatchRow& batch, const std::vector<AttemptRow>& attempts);

}  // namespace flashline::line
