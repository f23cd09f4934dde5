#pragma once
// The unit list: a CSV with one row a unit.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "imaging/core/error.h"
#include "imaging/provisioning/identity.h"
#include "imaging/provisioning/unit_fields.h"

namespace flashline::imaging {

struct ListedUnit {
  std::string serial;
  std::vector<MacAddress> macs;  ///< mac.0, mac.1, ...
  std::string hostname;          ///< empty: the list has no such column
  UnitFields fields;             ///< every column; addresses in their canonical form; "mac" also as "mac.0"
  std::size_t line = 0;          ///< in the file, from 1
};

struct UnitList {
  std::vector<std::string> columns;  ///< as the header names them
  std::vector<ListedUnit> units;     ///< in the order of the file, at least one
};

/// Reads a unit list. Column "serial" is required; "mac" or "mac.0", "mac.1", ... hold addresses and "hostname" a host
/// name; any other column is a field for templates, but for "unit" and "batch", which the station sets itself.
/// Each error names file:line:column. Errors: those of parse_csv; csv_missing_column, csv_columns (twice, empty or
/// reserved name), csv_no_units, bad_serial, bad_mac, bad_hostname, duplicate_serial, duplicate_mac.
Result<UnitList> parse_unit_list(std::string_view csv, std::string_view file);

}  // namespace flashline::imaging
