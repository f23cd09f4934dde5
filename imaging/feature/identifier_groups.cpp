#include "imaging/feature/detail/identifier_groups.h"

#include <algorithm>

#include "imaging/workspace/input_xml.h"

namespace flashline::imaging::detail {
namespace {

FmPackage entry_in(FmSection section, std::string selector) {
  FmPackage entry;
  entry.section = section;
  entry.selector = std::move(selector);
  entry.identifier = true;
  return entry;
}

std::vector<GroupName> feature_groups(const FmPackage& package) {
  const std::string beginning = package.section == FmSection::microsoft_feature ? "MS_" : "OEM_";
  std::vector<GroupName> names;
  for (const PlacedWord& feature : package.features) {
    GroupName name{beginning + feature.word, entry_in(package.section, {})};
    name.entry.features.push_back(feature);
    names.push_back(std::move(name));
  }
  return names;
}

/// A raw partition holds its image and nothing else, so what identifies the image lies in MainOS.
std::string partition_of(const MergeMember& member) {
  return member.raw_image ? std::string{"MainOS"} : member.identity.partition;
}

}  // namespace

std::vector<GroupName> groups_of(const FmPackage& package) {
  const std::string& word = package.selector;
  switch (package.section) {
    case FmSection::microsoft_feature:
    case FmSection::oem_feature:
      return feature_groups(package);
    // An identifier must not become a second layout or platform, so it goes beside those sections.
    case FmSection::soc:
    case FmSection::device_layout:
      return {{"SOC_" + word, entry_in(FmSection::soc, word)}};
    case FmSection::device:
    case FmSection::device_platform:
      return {{"DEVICE_" + word, entry_in(FmSection::device, word)}};
    case FmSection::sv:
      return {{"SV_" + word, entry_in(FmSection::sv, word)}};
    case FmSection::release:
      return {{"RELEASE_" + word, entry_in(FmSection::release, word)}};
    case FmSection::prerelease:
      return {{"PRERELEASE_" + word, entry_in(FmSection::prerelease, word)}};
    case FmSection::keyboard:
      return {{"KEYBOARD_" + word, entry_in(FmSection::keyboard, word)}};
    case FmSection::speech:
      return {{"SPEECH_" + word, entry_in(FmSection::speech, word)}};
    default:
      return {{"Base", entry_in(FmSection::base, {})}};
  }
}

std::string file_word(std::string_view word) {
  constexpr std::string_view plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string text{word};
  std::ranges::replace_if(text, [&](char c) { return plain.find(c) == std::string_view::npos; }, '_');
  return text;
}

void IdentifierGroups::add(const FmPackage& package, const MergeMember& member) {
  for (GroupName& name : groups_of(package)) {
    const std::string partition = partition_of(member);
    auto group = std::ranges::find_if(groups_, [&](const IdentifierGroup& one) {
      return same_word(one.id, name.id) && same_word(one.partition, partition);
    });
    if (group == groups_.end()) {
      groups_.push_back({std::move(name.id), partition, std::move(name.entry), {}});
      group = std::prev(groups_.end());
    }
    if (std::ranges::find(group->members, &member) == group->members.end()) group->members.push_back(&member);
  }
}

}  // namespace flashline::imaging::detail
