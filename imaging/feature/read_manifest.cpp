#include <algorithm>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/errors/build.h"
#include "imaging/core/errors/feature.h"
#include "imaging/feature/detail/sections.h"
#include "imaging/feature/feature_manifest.h"
#include "imaging/package/manifest_values.h"
#include "imaging/workspace/input_xml.h"

namespace flashline::imaging {
namespace {

using detail::SectionRule;

std::size_t offset_of(const XmlElement& element, std::string_view attribute) {
  const XmlAttribute* found = find_attribute(element, attribute);
  return found != nullptr ? found->offset : element.offset;
}

/// "*", "(a;b)", "!(a;b)" or one word. Errors: xml_value.
Result<PartSelector> parse_parts(const XmlDocument& document, const XmlElement& element, std::string_view attribute) {
  const std::string text = attribute_of(element, attribute).value_or("");
  std::string_view rest = trimmed(text);
  if (rest.empty()) return PartSelector{};
  if (rest == "*") return PartSelector{PartSelector::Kind::all, {}};
  PartSelector parts{PartSelector::Kind::only, {}};
  if (rest.starts_with('!')) {
    parts.kind = PartSelector::Kind::except;
    rest = trimmed(rest.substr(1));
  }
  if (rest.starts_with('(') && rest.ends_with(')')) rest = rest.substr(1, rest.size() - 2);
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find(';'), rest.size());
    const std::string_view word = trimmed(rest.substr(0, end));
    if (!word.empty()) parts.words.emplace_back(word);
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  const bool odd = std::ranges::any_of(
      parts.words, [](const std::string& word) { return word.find_first_of("()!* \t,") != std::string::npos; });
  if (!odd && !parts.words.empty()) return parts;
  return document.error(errc::xml_value, offset_of(element, attribute),
                        fmt::format("{}=\"{}\" is none of *, (a;b), !(a;b)", attribute, text));
}

Result<bool> bool_attribute(const XmlDocument& document, const XmlElement& element, std::string_view name) {
  const XmlAttribute* found = find_attribute(element, name);
  if (found == nullptr) return false;
  return parse_bool(document, found->offset, found->value);
}

Result<std::optional<CpuType>> cpu_attribute(const XmlDocument& document, const XmlElement& element) {
  const XmlAttribute* found = find_attribute(element, "CPUType");
  if (found == nullptr || trimmed(found->value).empty()) return std::nullopt;
  if (const auto cpu = cpu_of(trimmed(found->value))) return cpu;
  return document.error(errc::xml_value, found->offset, fmt::format("'{}' is no CPU", found->value));
}

/// `FeatureIDs/FeatureID` of a package or a group.
Result<std::vector<PlacedWord>> read_feature_ids(const XmlDocument& document, const XmlElement& element) {
  std::vector<PlacedWord> ids;
  for (const XmlElement& list : element.children) {
    if (!same_word(local_name(list.name), "FeatureIDs")) continue;
    FL_CHECK(check_known(document, list, {}, {"FeatureID"}));
    for (const XmlElement& id : list.children) {
      FL_CHECK(check_known(document, id, {}, {}));
      const std::string_view word = trimmed(id.text);
      if (word.empty()) return document.error(errc::xml_value, id.offset, "a FeatureID is empty");
      ids.push_back({std::string{word}, document.where(id.offset)});
    }
  }
  if (!ids.empty()) return ids;
  return document.error(errc::xml_missing, element.offset, fmt::format("<{}> names no FeatureID", element.name));
}

/// The cab's name is a name, not a way out of its folder.
Result<std::string> read_cab_name(const XmlDocument& document, const XmlElement& element) {
  FL_TRY(const std::string text, required_attribute(document, element, "Name"));
  std::string name{trimmed(text)};
  if (!name.empty() && name != "." && name != ".." && name.find_first_of("\\/:") == std::string::npos) return name;
  return document.error(errc::feature_cab_name, offset_of(element, "Name"),
                        fmt::format("'{}' is no name of a file", name));
}

Status read_selector(const XmlDocument& document, const XmlElement& element, const SectionRule& rule,
                     FmPackage& package) {
  if (rule.selector.empty()) return {};
  FL_TRY(const std::string text, required_attribute(document, element, rule.selector));
  package.selector = trimmed(text);
  const std::size_t offset = offset_of(element, rule.selector);
  if (package.selector.empty())
    return document.error(errc::xml_value, offset, fmt::format("{} is empty", rule.selector));
  if (rule.section == FmSection::release) {
    FL_TRY(const ReleaseType type, parse_release_type(document, offset, package.selector));
    package.selector = name_of(type);
  }
  const bool prerelease = same_word(package.selector, "protected") || same_word(package.selector, "replacement");
  if (rule.section == FmSection::prerelease && !prerelease) {
    return document.error(errc::xml_value, offset,
                          fmt::format("'{}' is neither protected nor replacement", package.selector));
  }
  return {};
}

/// Languages select parts everywhere but in the sections that they select themselves.
Status read_parts(const XmlDocument& document, const XmlElement& element, FmPackage& package) {
  const bool selects = package.section == FmSection::keyboard || package.section == FmSection::speech;
  FL_TRY(PartSelector languages, parse_parts(document, element, "Language"));
  FL_TRY(package.resolutions, parse_parts(document, element, "Resolution"));
  if (!selects) package.languages = std::move(languages);
  return {};
}

Result<FmPackage> read_package(const XmlDocument& document, const XmlElement& element, const SectionRule& rule) {
  const bool feature = rule.section == FmSection::microsoft_feature || rule.section == FmSection::oem_feature;
  FL_CHECK(check_known(document, element,
                       {"Path", "Name", "Language", "Resolution", "NoBasePackage", "CPUType", "Partition", "ID",
                        "Version", "FeatureIdentifierPackage", "PublicKey", "BinaryPartition", rule.selector},
                       {feature ? "FeatureIDs" : ""}));
  FmPackage package;
  package.section = rule.section;
  package.where = document.where(element.offset);
  FL_TRY(package.path, required_attribute(document, element, "Path"));
  FL_TRY(package.name, read_cab_name(document, element));
  FL_CHECK(read_parts(document, element, package));
  FL_TRY(package.no_base, bool_attribute(document, element, "NoBasePackage"));
  FL_TRY(package.cpu, cpu_attribute(document, element));
  FL_CHECK(read_selector(document, element, rule, package));
  FL_TRY(package.identifier, bool_attribute(document, element, "FeatureIdentifierPackage"));
  package.partition = attribute_of(element, "Partition").value_or("");
  package.id = attribute_of(element, "ID").value_or("");
  package.version = attribute_of(element, "Version").value_or("");
  if (feature) {
    FL_TRY(package.features, read_feature_ids(document, element));
  }
  return package;
}

Status read_into(const XmlDocument& document, const XmlElement& element, const SectionRule& rule,
                 FeatureManifest& manifest) {
  FL_TRY(FmPackage package, read_package(document, element, rule));
  manifest.packages.push_back(std::move(package));
  return {};
}

Result<GroupConstraint> read_constraint(const XmlDocument& document, const XmlElement& element) {
  const std::string text = attribute_of(element, "Constraint").value_or("ZeroOrMore");
  for (const GroupConstraint constraint : {GroupConstraint::zero_or_more, GroupConstraint::one_or_more,
                                           GroupConstraint::zero_or_one, GroupConstraint::one_and_only_one}) {
    if (same_word(name_of(constraint), trimmed(text))) return constraint;
  }
  return document.error(errc::feature_constraint, offset_of(element, "Constraint"),
                        fmt::format("'{}' is no constraint", text));
}

bool is_group(const XmlElement& element) {
  const std::string_view name = local_name(element.name);
  return same_word(name, "FeatureGroup") || same_word(name, "FeatureGrouping");
}

Status read_group(const XmlDocument& document, const XmlElement& element, bool microsoft, FeatureManifest& manifest) {
  FL_CHECK(check_known(document, element, {"Constraint", "Name"}, {"FeatureIDs"}));
  FeatureGroup group;
  group.microsoft = microsoft;
  group.name = attribute_of(element, "Name").value_or("");
  FL_TRY(group.constraint, read_constraint(document, element));
  FL_TRY(group.members, read_feature_ids(document, element));
  group.where = document.where(element.offset);
  manifest.groups.push_back(std::move(group));
  return {};
}

Status read_groups(const XmlDocument& document, const XmlElement& list, bool microsoft, FeatureManifest& manifest) {
  FL_CHECK(check_known(document, list, {}, {"FeatureGroup", "FeatureGrouping"}));
  for (const XmlElement& group : list.children) FL_CHECK(read_group(document, group, microsoft, manifest));
  return {};
}

/// `Features/Microsoft` or `Features/OEM`: packages, and groups where Microsoft's own examples have them.
Status read_side(const XmlDocument& document, const XmlElement& side, bool microsoft, FeatureManifest& manifest) {
  FL_CHECK(check_known(document, side, {},
                       {"PackageFile", "FeatureGroup", "FeatureGrouping", "FeatureGroups", "FeatureGroupings"}));
  const SectionRule rule{"", microsoft ? FmSection::microsoft_feature : FmSection::oem_feature, "", false};
  for (const XmlElement& child : side.children) {
    if (is_group(child)) {
      FL_CHECK(read_group(document, child, microsoft, manifest));
    } else if (same_word(local_name(child.name), "PackageFile")) {
      FL_CHECK(read_into(document, child, rule, manifest));
    } else {
      FL_CHECK(read_groups(document, child, microsoft, manifest));
    }
  }
  return {};
}

Status read_conditions(const XmlDocument& document, const XmlElement& list, FeatureManifest& manifest) {
  FL_CHECK(check_known(document, list, {}, {"ConditionalFeature"}));
  for (const XmlElement& element : list.children) {
    FL_CHECK(check_known(document, element, {"FeatureID", "UpdateAction"}, {}));
    FL_TRY(const std::string feature, required_attribute(document, element, "FeatureID"));
    FL_TRY(const std::string action, required_attribute(document, element, "UpdateAction"));
    if (!same_word(std::string_view{feature}.substr(0, 4), "OEM_") || feature.size() == 4) {
      return document.error(errc::feature_condition, offset_of(element, "FeatureID"),
                            fmt::format("'{}' is not OEM_ and a feature", feature));
    }
    if (!same_word(action, "NoUpdate")) {
      return document.error(errc::feature_condition, offset_of(element, "UpdateAction"),
                            fmt::format("'{}' is not NoUpdate, the one action of an OEM", action));
    }
    manifest.conditions.push_back({feature, action, document.where(element.offset)});
  }
  return {};
}

Status read_features(const XmlDocument& document, const XmlElement& features, FeatureManifest& manifest) {
  FL_CHECK(check_known(document, features, {},
                       {"Microsoft", "OEM", "MSFeatureGroups", "OEMFeatureGroups", "OEMConditionalFeatures"}));
  for (const XmlElement& child : features.children) {
    const std::string name = folded(local_name(child.name));
    const bool microsoft = name.starts_with("m");
    if (name == "microsoft" || name == "oem") {
      FL_CHECK(read_side(document, child, microsoft, manifest));
    } else if (name == "oemconditionalfeatures") {
      FL_CHECK(read_conditions(document, child, manifest));
    } else {
      FL_CHECK(read_groups(document, child, microsoft, manifest));
    }
  }
  return {};
}

Status read_section(const XmlDocument& document, const XmlElement& element, FeatureManifest& manifest) {
  const std::string_view name = local_name(element.name);
  if (same_word(name, "Features")) return read_features(document, element, manifest);
  const auto rule = std::ranges::find_if(detail::section_rules(),
                                         [&](const SectionRule& one) { return same_word(one.element, name); });
  if (rule->single) return read_into(document, element, *rule, manifest);
  FL_CHECK(check_known(document, element, {}, {"PackageFile"}));
  for (const XmlElement& child : element.children) FL_CHECK(read_into(document, child, *rule, manifest));
  return {};
}

Status read_owner(const XmlDocument& document, FeatureManifest& manifest) {
  const XmlElement& root = document.root;
  manifest.id = attribute_of(root, "ID").value_or("");
  manifest.owner_name = attribute_of(root, "OwnerName").value_or("");
  if (const XmlAttribute* type = find_attribute(root, "OwnerType")) {
    manifest.owner_type = owner_type_of(trimmed(type->value));
    if (!manifest.owner_type) {
      return document.error(errc::xml_value, type->offset, fmt::format("'{}' is no type of owner", type->value));
    }
  }
  if (const XmlAttribute* type = find_attribute(root, "ReleaseType")) {
    FL_TRY(manifest.release_type, parse_release_type(document, type->offset, type->value));
  }
  return {};
}

}  // namespace

Result<FeatureManifest> read_feature_manifest(const XmlDocument& document) {
  FL_CHECK(check_imaging_root(document, "FeatureManifest"));
  const XmlElement& root = document.root;
  FL_CHECK(check_known(
      document, root,
      {"Revision", "SchemaVersion", "ID", "OwnerName", "OwnerType", "ReleaseType", "BuildID", "BuildInfo", "OSVersion"},
      {"BasePackages", "CPUPackages", "Features", "ReleasePackages", "PrereleasePackages", "SOCPackages", "SVPackages",
       "DeviceSpecificPackages", "DeviceLayoutPackages", "OEMDevicePlatformPackages", "BootUILanguagePackageFile",
       "BootLocalePackageFile", "KeyboardPackages", "SpeechPackages"}));
  FeatureManifest manifest;
  manifest.file = document.file;
  manifest.where = document.where(root.offset);
  manifest.revision = attribute_of(root, "Revision").value_or("");
  manifest.schema_version = attribute_of(root, "SchemaVersion").value_or("");
  FL_CHECK(read_owner(document, manifest));
  for (const XmlElement& section : root.children) FL_CHECK(read_section(document, section, manifest));
  return manifest;
}

}  // namespace flashline::imaging
