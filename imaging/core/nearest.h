#pragma once
// "Did you mean ...?"

#include <optional>
#include <string_view>
#include <vector>

namespace flashline {

/// The name among `known` that `word` probably means, or nullopt.
std::optional<std::string_view> nearest(std::string_view word, const std::vector<std::string_view>& known);

}  // namespace flashline
