#pragma once
// Which unit a target of `flashline flash` becomes.

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "flasher/cli/arguments.h"
#include "imaging/core/error.h"
#include "imaging/provisioning/unit_fields.h"
#include "station-config/recipe.h"

namespace flashline::line {

/// What makes one board different.
struct FlashUnit {
  std::string serial;  ///< empty: the boards are all alike
  imaging::UnitFields fields;
};

struct FlashUnits {
  std::optional<config::Recipe> recipe;
  std::vector<FlashUnit> units;  ///< one for each target, in their order
};

/// Reads --recipe and --units for `targets` boards: the first unit of the list goes to the first target. A recipe that
/// counts serials or takes MACs from a pool is refused without a list, since nobody would remember what was given out.
/// Errors: usage, FL-CFG codes, and those of the unit list.
Result<FlashUnits> flash_units(const Arguments& arguments, std::size_t targets);

}  // namespace flashline::line
