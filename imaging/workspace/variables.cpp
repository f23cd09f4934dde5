#include "imaging/workspace/variables.h"

#include <spdlog/fmt/fmt.h>

#include "imaging/core/errors/build.h"
#include "imaging/workspace/input_xml.h"

namespace flashline::imaging {
namespace {

/// Names within names, and how long text may grow: past these it is a loop or a bomb.
constexpr unsigned max_depth = 32;
constexpr std::size_t max_length = 64UL * 1024;
constexpr std::size_t max_uses = 64UL * 1024;

struct Use {
  std::size_t start;  ///< of the first character of its mark
  std::size_t end;    ///< behind its last
  std::string_view name;
};

Use next_use(std::string_view text, std::size_t from, Variables::Style style) {
  const bool dollar = style == Variables::Style::dollar;
  const std::size_t start = dollar ? text.find("$(", from) : text.find('%', from);
  if (start == std::string_view::npos) return {text.size(), text.size(), {}};
  const std::size_t inside = start + (dollar ? 2 : 1);
  const std::size_t close = text.find(dollar ? ')' : '%', inside);
  if (close == std::string_view::npos && dollar) return {start, text.size(), {}};
  if (close == std::string_view::npos) return {text.size(), text.size(), {}};
  return {start, close + 1, text.substr(inside, close - inside)};
}

bool is_left_to_device(std::string_view name) { return folded(name.substr(0, 5)) == "rand:"; }

}  // namespace

void Variables::set(std::string_view name, std::string value) { values_[folded(name)] = std::move(value); }

bool Variables::has(std::string_view name) const { return values_.contains(folded(name)); }

Result<std::string> Variables::expand(std::string_view text) const {
  std::size_t uses = 0;
  return expand_inside(text, {}, 0, uses);
}

Result<std::string> Variables::expand_inside(std::string_view text, const std::string& outer, unsigned depth,
                                             std::size_t& uses) const {
  if (depth > max_depth) return fail(errc::variable_loop, fmt::format("'{}' leads back to itself", outer));
  std::string result;
  for (std::size_t at = 0; at < text.size();) {
    const Use use = next_use(text, at, style_);
    result.append(text.substr(at, use.start - at));
    at = use.end;
    if (use.start == use.end) break;
    if (!text.substr(use.start, use.end - use.start).ends_with(style_ == Style::dollar ? ')' : '%')) {
      return fail(errc::variable_unclosed, fmt::format("'{}' does not end", text.substr(use.start, 40)));
    }
    if (use.name.find("$(") != std::string_view::npos) {
      return fail(errc::variable_nested, fmt::format("'{}' has a name inside a name", use.name));
    }
    if (style_ == Style::percent && is_left_to_device(use.name)) {
      result.append(text.substr(use.start, use.end - use.start));
      continue;
    }
    const std::string name = folded(use.name);
    const auto found = values_.find(name);
    if (found == values_.end()) return fail(errc::variable_unknown, fmt::format("'{}' has no value", use.name));
    FL_TRY(const std::string value, expand_inside(found->second, name, depth + 1, uses));
    result.append(value);
    if (result.size() > max_length || ++uses > max_uses)
      return fail(errc::variable_loop, fmt::format("'{}' grows without end", name));
  }
  return result;
}

}  // namespace flashline::imaging
