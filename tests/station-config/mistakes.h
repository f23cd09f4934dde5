#pragma once
// Each mistake that a configuration file may hold, as one replacement in a good file. Parser and schema walk the same
// rows.

#include <string>
#include <string_view>
#include <vector>

#include "imaging/core/error.h"

namespace flashline::config {

/// Whether XSD 1.0 can say the rule; where not, the reason is in the row.
enum class Schema { refuses, cannot_say };

struct Mistake {
  std::string_view name;
  std::string_view from;  ///< in the golden file; empty: at its end
  std::string_view to;
  Errc code;
  std::string_view where;  ///< line:column
  Schema schema = Schema::refuses;
  std::string_view hint = {};  ///< part of the message
};

const std::vector<Mistake>& station_mistakes();
const std::vector<Mistake>& recipe_mistakes();
const std::vector<Mistake>& board_mistakes();

/// tests/golden/config/NAME.
std::string golden_config(std::string_view name);
/// `good` with the row's replacement made.
std::string with_mistake(std::string good, const Mistake& mistake);

}  // namespace flashline::config
