#pragma once
// Comma separated values. Source: RFC 4180; lines may end with LF alone, and a byte order mark is tolerated.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "imaging/core/error.h"

namespace flashline::imaging {

struct CsvCell {
  std::string text;
  std::size_t line = 0;    ///< from 1
  std::size_t column = 0;  ///< from 1, in characters
};

/// One line of cells, never empty; blank lines are left out.
using CsvRow = std::vector<CsvCell>;

/// `file` is for messages only, as file:line:column.
/// Errors: csv_encoding (not UTF-8, or a zero byte), csv_quote (not ended, or text around quotes), csv_ragged (a row
/// with more or fewer cells than the first).
Result<std::vector<CsvRow>> parse_csv(std::string_view text, std::string_view file);

}  // namespace flashline::imaging
