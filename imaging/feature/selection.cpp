#include "imaging/feature/detail/selection.h"

#include <algorithm>
#include <array>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/errors/feature.h"
#include "imaging/workspace/input_xml.h"

namespace flashline::imaging::detail {
namespace {

constexpr std::array<std::string_view, 6> beginnings{"RELEASE_", "SOC_", "SV_", "DEVICE_", "MS_", "OEM_"};

bool holds(GroupConstraint constraint, std::size_t selected) {
  switch (constraint) {
    case GroupConstraint::zero_or_more:
      return true;
    case GroupConstraint::one_or_more:
      return selected >= 1;
    case GroupConstraint::zero_or_one:
      return selected <= 1;
    case GroupConstraint::one_and_only_one:
      return selected == 1;
  }
  return false;
}

/// Members that are selected, each once however often it is written.
std::vector<std::string> selected_members(const FeatureGroup& group, const Selection& selection) {
  std::vector<std::string> found;
  for (const PlacedWord& member : group.members) {
    const std::string id = implicit_id(group, member.word);
    const bool known = std::ranges::any_of(found, [&](const std::string& one) { return same_word(one, id); });
    if (!known && selection.has(id)) found.push_back(id);
  }
  return found;
}

std::string violation(const FeatureGroup& group, const std::vector<std::string>& selected, const Selection& selection) {
  std::vector<std::string> members;
  for (const PlacedWord& member : group.members) members.push_back(member.word);
  std::vector<std::string> chosen;
  for (const std::string& id : selected) chosen.push_back(fmt::format("{} ({})", id, selection.where(id)));
  return fmt::format(
      "{}: the group{} of {} is {}, but {} selected{}{}", group.where,
      group.name.empty() ? "" : " '" + group.name + "'", fmt::join(members, ", "), name_of(group.constraint),
      selected.empty() ? "none is" : fmt::format("{} {}", selected.size(), selected.size() == 1 ? "is" : "are"),
      chosen.empty() ? "" : ": ", fmt::join(chosen, ", "));
}

}  // namespace

Selection::Selection(const OemInput& input) {
  const auto add = [&](std::string_view beginning, const PlacedWord& word) {
    if (!word.word.empty()) places_.emplace(folded(beginning) + folded(word.word), word.where);
  };
  add("RELEASE_", {std::string{name_of(input.release_type)}, input.file});
  add("SOC_", input.soc);
  add("SV_", input.sv);
  add("DEVICE_", input.device);
  for (const PlacedWord& feature : input.microsoft_features) add("MS_", feature);
  for (const PlacedWord& feature : input.oem_features) add("OEM_", feature);
}

bool Selection::has(std::string_view implicit_id) const { return places_.contains(folded(implicit_id)); }

std::string Selection::where(std::string_view implicit_id) const {
  const auto found = places_.find(folded(implicit_id));
  return found != places_.end() ? found->second : std::string{};
}

std::string implicit_id(const FeatureGroup& group, std::string_view member) {
  const auto begins = [&](std::string_view one) { return same_word(member.substr(0, one.size()), one); };
  if (std::ranges::any_of(beginnings, begins)) return std::string{member};
  return (group.microsoft ? "MS_" : "OEM_") + std::string{member};
}

Status check_groups(const std::vector<const FeatureManifest*>& manifests, const Selection& selection) {
  std::vector<std::string> violations;
  for (const FeatureManifest* manifest : manifests) {
    for (const FeatureGroup& group : manifest->groups) {
      const auto selected = selected_members(group, selection);
      if (!holds(group.constraint, selected.size())) violations.push_back(violation(group, selected, selection));
    }
  }
  if (violations.empty()) return {};
  return fail(errc::feature_group, fmt::format("{}", fmt::join(violations, "; ")));
}

}  // namespace flashline::imaging::detail
