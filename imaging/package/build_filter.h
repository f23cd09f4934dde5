#pragma once
// buildFilter: whether an element of a definition is for this build.

#include <string_view>

#include "imaging/core/error.h"
#include "imaging/package/package.h"

namespace flashline::imaging {

/// What a filter can ask for.
struct BuildFacts {
  CpuType cpu = CpuType::arm;
  std::string_view build_type = "fre";
  bool is_wow = false;
};

/// `filter` by imaging.md 3.9: comparisons (`=`, `!=`) of build.arch, build.isWow and build.buildType, joined by `not`,
/// `and`, `or` (binding in this order) and parentheses; build.isWow may stand alone. An empty filter is true.
/// Errors: build_filter.
Result<bool> passes_filter(std::string_view filter, const BuildFacts& facts);

}  // namespace flashline::imaging
