#include <algorithm>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/xml_escape.h"
#include "imaging/feature/detail/sections.h"
#include "imaging/feature/feature_manifest.h"

namespace flashline::imaging {
namespace {

void put(std::string& out, std::string_view name, std::string_view value) {
  if (!value.empty()) out += fmt::format(" {}=\"{}\"", name, xml_escaped(value));
}

std::string parts_text(const PartSelector& parts) {
  switch (parts.kind) {
    case PartSelector::Kind::none:
      return {};
    case PartSelector::Kind::all:
      return "*";
    case PartSelector::Kind::only:
      return fmt::format("({})", fmt::join(parts.words, ";"));
    case PartSelector::Kind::except:
      return fmt::format("!({})", fmt::join(parts.words, ";"));
  }
  return {};
}

std::string attributes_of(const FmPackage& package, std::string_view selector) {
  std::string out;
  put(out, selector, selector.empty() ? std::string_view{} : package.selector);
  put(out, "Path", package.path);
  if (package.path.empty()) out += " Path=\"\"";
  put(out, "Name", package.name);
  put(out, "Language", parts_text(package.languages));
  put(out, "Resolution", parts_text(package.resolutions));
  if (package.no_base) put(out, "NoBasePackage", "true");
  if (package.cpu && selector != "CPUType") put(out, "CPUType", name_of(*package.cpu));
  put(out, "Partition", package.partition);
  put(out, "ID", package.id);
  put(out, "Version", package.version);
  if (package.identifier) put(out, "FeatureIdentifierPackage", "true");
  return out;
}

void put_ids(std::string& out, const std::vector<PlacedWord>& ids) {
  out += "        <FeatureIDs>\n";
  for (const PlacedWord& id : ids) out += fmt::format("          <FeatureID>{}</FeatureID>\n", xml_escaped(id.word));
  out += "        </FeatureIDs>\n";
}

void put_section(std::string& out, const FeatureManifest& manifest, const detail::SectionRule& rule) {
  std::string inside;
  for (const FmPackage& package : manifest.packages) {
    if (package.section != rule.section) continue;
    inside += fmt::format("{}<{}{} />\n", rule.single ? "  " : "    ", rule.single ? rule.element : "PackageFile",
                          attributes_of(package, rule.selector));
  }
  if (inside.empty()) return;
  out += rule.single ? inside : fmt::format("  <{0}>\n{1}  </{0}>\n", rule.element, inside);
}

void put_side(std::string& out, const FeatureManifest& manifest, FmSection section, std::string_view element) {
  std::string inside;
  for (const FmPackage& package : manifest.packages) {
    if (package.section != section) continue;
    inside += fmt::format("      <PackageFile{}>\n", attributes_of(package, {}));
    put_ids(inside, package.features);
    inside += "      </PackageFile>\n";
  }
  if (!inside.empty()) out += fmt::format("    <{0}>\n{1}    </{0}>\n", element, inside);
}

void put_groups(std::string& out, const FeatureManifest& manifest, bool microsoft) {
  std::string inside;
  for (const FeatureGroup& group : manifest.groups) {
    if (group.microsoft != microsoft) continue;
    std::string attributes;
    put(attributes, "Name", group.name);
    put(attributes, "Constraint", name_of(group.constraint));
    inside += fmt::format("      <FeatureGroup{}>\n", attributes);
    put_ids(inside, group.members);
    inside += "      </FeatureGroup>\n";
  }
  const std::string_view element = microsoft ? "MSFeatureGroups" : "OEMFeatureGroups";
  if (!inside.empty()) out += fmt::format("    <{0}>\n{1}    </{0}>\n", element, inside);
}

void put_conditions(std::string& out, const FeatureManifest& manifest) {
  if (manifest.conditions.empty()) return;
  out += "    <OEMConditionalFeatures>\n";
  for (const ConditionalFeature& condition : manifest.conditions) {
    std::string attributes;
    put(attributes, "FeatureID", condition.feature);
    put(attributes, "UpdateAction", condition.action);
    out += fmt::format("      <ConditionalFeature{} />\n", attributes);
  }
  out += "    </OEMConditionalFeatures>\n";
}

void put_features(std::string& out, const FeatureManifest& manifest) {
  std::string inside;
  put_side(inside, manifest, FmSection::microsoft_feature, "Microsoft");
  put_groups(inside, manifest, true);
  put_side(inside, manifest, FmSection::oem_feature, "OEM");
  put_groups(inside, manifest, false);
  put_conditions(inside, manifest);
  if (!inside.empty()) out += "  <Features>\n" + inside + "  </Features>\n";
}

std::string root_attributes(const FeatureManifest& manifest) {
  std::string out;
  put(out, "Revision", manifest.revision);
  put(out, "SchemaVersion", manifest.schema_version);
  put(out, "ID", manifest.id);
  put(out, "OwnerName", manifest.owner_name);
  if (manifest.owner_type) put(out, "OwnerType", name_of(*manifest.owner_type));
  if (manifest.release_type) put(out, "ReleaseType", name_of(*manifest.release_type));
  return out;
}

/// Sections as they first appear: the order of packages inside of a manifest is the order of their installation.
std::vector<FmSection> order_of(const FeatureManifest& manifest) {
  std::vector<FmSection> order;
  const auto add = [&](FmSection section) {
    const bool feature = section == FmSection::microsoft_feature || section == FmSection::oem_feature;
    const FmSection kept = feature ? FmSection::oem_feature : section;
    if (std::ranges::find(order, kept) == order.end()) order.push_back(kept);
  };
  for (const FmPackage& package : manifest.packages) add(package.section);
  if (!manifest.groups.empty() || !manifest.conditions.empty()) add(FmSection::oem_feature);
  return order;
}

}  // namespace

std::string manifest_text(const FeatureManifest& manifest) {
  std::string out = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n";
  out += fmt::format("<FeatureManifest xmlns=\"http://schemas.microsoft.com/embedded/2004/10/ImageUpdate\"{}>\n",
                     root_attributes(manifest));
  for (const FmSection section : order_of(manifest)) {
    const auto rule = std::ranges::find(detail::section_rules(), section, &detail::SectionRule::section);
    if (rule != detail::section_rules().end()) {
      put_section(out, manifest, *rule);
    } else {
      put_features(out, manifest);
    }
  }
  return out + "</FeatureManifest>\n";
}

}  // namespace flashline::imaging
