#include "imaging/package/part_names.h"

#include <algorithm>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/errors/build.h"
#include "imaging/core/errors/package.h"
#include "imaging/package/located.h"
#include "imaging/package/registry_value.h"
#include "imaging/workspace/input_xml.h"

namespace flashline::imaging {
namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// "en-US", "zh-Hans-CN", "de".
bool is_culture(std::string_view text) {
  const auto parts = list_parts(text, "-");
  const bool parted = std::ranges::count(text, '-') + 1 == std::ssize(parts);
  return parted && text.size() <= 32 && parts[0].size() >= 2 && std::ranges::all_of(parts[0], is_letter) &&
         std::ranges::all_of(text, [](char c) { return is_letter(c) || is_digit(c) || c == '-'; });
}

/// "480x800".
bool is_resolution(std::string_view text) {
  const std::size_t cross = text.find('x');
  if (cross == std::string_view::npos || cross == 0 || cross + 1 == text.size() || text.size() > 11) return false;
  return std::ranges::all_of(text.substr(0, cross), is_digit) && std::ranges::all_of(text.substr(cross + 1), is_digit);
}

bool holds(const std::vector<std::string>& names, std::string_view name) {
  return std::ranges::any_of(names, [&](const std::string& known) { return same_word(known, name); });
}

}  // namespace

std::string_view element_of(PartKind kind) { return kind == PartKind::language ? "language" : "resolution"; }

Result<std::vector<std::string>> part_names(const XmlDocument& document, const XmlElement& element, PartKind kind,
                                            const MacroScope& scope, const DefinitionInputs& in) {
  const std::string_view attribute = kind == PartKind::language ? "culture" : "resolution";
  FL_CHECK(
      check_known(document, element, {attribute, "multilingual", "buildFilter"}, {"files", "regKeys", "directories"}));
  if (const XmlAttribute* const found = find_attribute(element, "multilingual")) {
    FL_TRY(const bool one_for_all, parse_bool(document, found->offset, found->value));
    if (one_for_all) return document.error(errc::definition_unsupported, found->offset, "multilingual=\"true\"");
  }
  FL_TRY(const std::string raw, required_attribute(document, element, attribute));
  const std::size_t at = find_attribute(element, attribute)->offset;
  FL_TRY(const std::string text, located(document, at, scope.text(raw)));
  const std::string_view list = trimmed(text);
  const bool all = list == "*";
  const bool all_but = list.starts_with('!');
  std::vector<std::string> names = all ? std::vector<std::string>{} : list_parts(list.substr(all_but ? 1 : 0), ";,() ");
  const bool formed = std::ranges::all_of(names, [&](const std::string& name) {
    return kind == PartKind::language ? is_culture(name) : is_resolution(name);
  });
  if (!formed || (names.empty() && !all)) {
    return document.error(errc::xml_value, at, fmt::format("'{}' is no list of {}s", text, attribute));
  }
  if (!all && !all_but) return names;
  const std::vector<std::string>& known = kind == PartKind::language ? in.languages : in.resolutions;
  if (known.empty()) {
    return document.error(errc::part_unknown, at, fmt::format("'{}', but the build is for no {}", text, attribute));
  }
  std::vector<std::string> wanted;
  for (const std::string& name : known) {
    if (!holds(names, name)) wanted.push_back(name);
  }
  return wanted;
}

PackageIdentity part_identity(const PackageIdentity& neutral, PartKind kind, const std::string& name) {
  PackageIdentity identity = neutral;
  (kind == PartKind::language ? identity.culture : identity.resolution) = name;
  identity.name += (kind == PartKind::language ? "_Lang_" : "_Res_") + name;
  return identity;
}

}  // namespace flashline::imaging
