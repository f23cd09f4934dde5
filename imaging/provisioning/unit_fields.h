#pragma once
// What a template may ask for, by name.

#include <functional>
#include <map>
#include <string>

namespace flashline::imaging {

/// Name to value, UTF-8: "serial", "mac.0", "hostname", "unit", "batch", and every column of the unit list.
using UnitFields = std::map<std::string, std::string, std::less<>>;

}  // namespace flashline::imaging
