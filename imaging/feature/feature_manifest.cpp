#include "imaging/feature/feature_manifest.h"

#include <algorithm>
#include <array>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/errors/build.h"
#include "imaging/core/errors/feature.h"
#include "imaging/feature/detail/sections.h"
#include "imaging/workspace/input_xml.h"

namespace flashline::imaging {
namespace {

constexpr std::string_view imaging_namespace = "http://schemas.microsoft.com/embedded/2004/10/ImageUpdate";

constexpr std::array<detail::SectionRule, 13> rules{{
    {"BasePackages", FmSection::base, "", false},
    {"CPUPackages", FmSection::cpu, "CPUType", false},
    {"ReleasePackages", FmSection::release, "ReleaseType", false},
    {"PrereleasePackages", FmSection::prerelease, "Type", false},
    {"SOCPackages", FmSection::soc, "SOC", false},
    {"SVPackages", FmSection::sv, "SV", false},
    {"DeviceSpecificPackages", FmSection::device, "Device", false},
    {"DeviceLayoutPackages", FmSection::device_layout, "SOC", false},
    {"OEMDevicePlatformPackages", FmSection::device_platform, "Device", false},
    {"BootUILanguagePackageFile", FmSection::boot_ui_language, "", true},
    {"BootLocalePackageFile", FmSection::boot_locale, "", true},
    {"KeyboardPackages", FmSection::keyboard, "Language", false},
    {"SpeechPackages", FmSection::speech, "Language", false},
}};

}  // namespace

std::span<const detail::SectionRule> detail::section_rules() { return rules; }

std::string_view name_of(FmSection section) {
  switch (section) {
    case FmSection::microsoft_feature:
      return "Features/Microsoft";
    case FmSection::oem_feature:
      return "Features/OEM";
    case FmSection::package_files:
      return "PackageFiles";
    default:
      return std::ranges::find(rules, section, &detail::SectionRule::section)->element;
  }
}

std::string_view name_of(GroupConstraint constraint) {
  switch (constraint) {
    case GroupConstraint::zero_or_more:
      return "ZeroOrMore";
    case GroupConstraint::one_or_more:
      return "OneOrMore";
    case GroupConstraint::zero_or_one:
      return "ZeroOrOne";
    case GroupConstraint::one_and_only_one:
      return "OneAndOnlyOne";
  }
  return {};
}

bool PartSelector::takes(std::string_view word) const {
  const bool named = std::ranges::any_of(words, [&](const std::string& mine) { return same_word(mine, word); });
  return kind == Kind::all || (kind == Kind::only && named) || (kind == Kind::except && !named);
}

bool is_feature_id(std::string_view id) {
  constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";
  return !id.empty() && id.find_first_not_of(letters) == std::string_view::npos;
}

Result<ReleaseType> parse_release_type(const XmlDocument& document, std::size_t offset, std::string_view text) {
  for (const ReleaseType type : {ReleaseType::production, ReleaseType::test}) {
    if (same_word(name_of(type), trimmed(text))) return type;
  }
  return document.error(errc::xml_value, offset, fmt::format("'{}' is neither Production nor Test", text));
}

Status check_imaging_root(const XmlDocument& document, std::string_view root) {
  const std::string space = root_namespace(document);
  const XmlElement& element = document.root;
  if (same_word(local_name(element.name), root) && space == imaging_namespace) return {};
  return document.error(
      errc::feature_document, element.offset,
      fmt::format("<{}> of namespace '{}' is not <{}> of '{}'", element.name, space, root, imaging_namespace));
}

}  // namespace flashline::imaging
