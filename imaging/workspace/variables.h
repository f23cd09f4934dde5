#pragma once
// Names that stand for text: $(name) in package definitions, %NAME% in manifests and workspace files.

#include <map>
#include <string>
#include <string_view>

#include "imaging/core/error.h"

namespace flashline::imaging {

/// Names without case -> text, which may use other names of the same set.
class Variables {
 public:
  /// How a use is written.
  enum class Style : std::uint8_t { dollar, percent };

  explicit Variables(Style style) : style_{style} {}

  void set(std::string_view name, std::string value);
  bool has(std::string_view name) const;

  /// `text` with every use replaced, however deep. `RAND:n` stays: the device expands it.
  /// Errors: variable_unknown, variable_loop, variable_nested (`$(a$(b))`), variable_unclosed (`$(a`; a lone `%` is
  /// text), each with the name.
  Result<std::string> expand(std::string_view text) const;

 private:
  /// `uses` counts what was replaced so far.
  Result<std::string> expand_inside(std::string_view text, const std::string& outer, unsigned depth,
                                    std::size_t& uses) const;
  Style style_;
  std::map<std::string, std::string> values_;  ///< by folded name
};

}  // namespace flashline::imaging
