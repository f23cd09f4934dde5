#pragma once
// Packages in the place of those that are not there: a board can be tried out before its vendor's firmware arrives.

#include <string>
#include <string_view>

#include "imaging/package/package.h"

namespace flashline::imaging {

/// A Test package of that name with nothing in it but its mark. `why`: what is missing, for whoever finds it.
Package stand_in_for(std::string_view cab, const std::string& partition, CpuType cpu, const Version& version,
                     const std::string& why);

/// It carries the mark.
bool is_stand_in(const Package& package);

}  // namespace flashline::imaging
