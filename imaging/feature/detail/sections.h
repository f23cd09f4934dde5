#pragma once
// The sections of a feature manifest but its Features, in the order of the schema.

#include <span>
#include <string_view>

#include "imaging/feature/feature_manifest.h"

namespace flashline::imaging::detail {

struct SectionRule {
  std::string_view element;
  FmSection section;
  std::string_view selector;  ///< attribute of its packages; empty: none
  bool single;                ///< the element is itself the one package
};
std::span<const SectionRule> section_rules();

}  // namespace flashline::imaging::detail
