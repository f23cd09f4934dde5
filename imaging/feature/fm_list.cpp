#include "imaging/feature/fm_list.h"

#include <algorithm>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/errors/build.h"
#include "imaging/core/errors/feature.h"
#include "imaging/package/manifest_values.h"
#include "imaging/workspace/input_xml.h"
#include "imaging/workspace/windows_path.h"

namespace flashline::imaging {
namespace {

std::size_t offset_of(const XmlElement& element, std::string_view attribute) {
  const XmlAttribute* found = find_attribute(element, attribute);
  return found != nullptr ? found->offset : element.offset;
}

/// Capitals by format: tools that read the list compare letter by letter.
Result<CpuType> read_cpu(const XmlDocument& document, const XmlElement& element) {
  FL_TRY(const std::string text, required_attribute(document, element, "CPUType"));
  for (const auto& [word, cpu] : {std::pair{"X86", CpuType::x86}, std::pair{"AMD64", CpuType::amd64},
                                  std::pair{"ARM", CpuType::arm}, std::pair{"ARM64", CpuType::arm64}}) {
    if (text == word) return cpu;
  }
  return document.error(errc::fm_list_cpu, offset_of(element, "CPUType"), fmt::format("CPUType is '{}'", text));
}

Result<OwnerType> read_owner_type(const XmlDocument& document, const XmlElement& element) {
  FL_TRY(const std::string text, required_attribute(document, element, "OwnerType"));
  if (const auto type = owner_type_of(trimmed(text))) return *type;
  return document.error(errc::xml_value, offset_of(element, "OwnerType"),
                        fmt::format("'{}' is no type of owner", text));
}

Result<std::string> read_id(const XmlDocument& document, const XmlElement& element, const FmList& list) {
  FL_TRY(std::string id, required_attribute(document, element, "ID"));
  if (!is_feature_id(id)) {
    return document.error(errc::fm_list_id, offset_of(element, "ID"), fmt::format("'{}' is no ID", id));
  }
  const auto other =
      std::ranges::find_if(list.manifests, [&](const FmListEntry& one) { return same_word(one.id, id); });
  if (other == list.manifests.end()) return id;
  return document.error(errc::fm_list_id, offset_of(element, "ID"),
                        fmt::format("ID '{}' is that of {} too", id, other->where));
}

Result<FmListEntry> read_entry(const XmlDocument& document, const XmlElement& element, const FmList& list) {
  FL_CHECK(check_known(document, element,
                       {"ID", "Path", "ReleaseType", "OwnerName", "OwnerType", "CPUType", "Critical"}, {}));
  FmListEntry entry;
  FL_TRY(entry.id, read_id(document, element, list));
  FL_TRY(entry.path, required_attribute(document, element, "Path"));
  FL_TRY(const std::string release, required_attribute(document, element, "ReleaseType"));
  FL_TRY(entry.release_type, parse_release_type(document, offset_of(element, "ReleaseType"), release));
  FL_TRY(entry.owner, required_attribute(document, element, "OwnerName"));
  FL_TRY(entry.owner_type, read_owner_type(document, element));
  FL_TRY(entry.cpu, read_cpu(document, element));
  if (const XmlAttribute* critical = find_attribute(element, "Critical")) {
    FL_TRY(entry.critical, parse_bool(document, critical->offset, critical->value));
  }
  entry.where = document.where(element.offset);
  return entry;
}

Status read_words(const XmlDocument& document, std::string_view list, std::string_view item,
                  std::vector<std::string>& words) {
  const XmlElement* element = find_child(document.root, list);
  if (element == nullptr) return {};
  for (const XmlElement& child : element->children) {
    FL_CHECK(check_known(document, child, {}, {}));
    if (!same_word(local_name(child.name), item)) {
      return document.error(errc::xml_unknown, child.offset, fmt::format("<{}> has no element <{}>", list, child.name));
    }
    words.emplace_back(trimmed(child.text));
  }
  return {};
}

Status read_entries(const XmlDocument& document, FmList& list) {
  const XmlElement* manifests = find_child(document.root, "FMs");
  if (manifests == nullptr) return document.error(errc::xml_missing, document.root.offset, "there is no <FMs>");
  FL_CHECK(check_known(document, *manifests, {}, {"FM"}));
  for (const XmlElement& element : manifests->children) {
    FL_TRY(FmListEntry entry, read_entry(document, element, list));
    list.manifests.push_back(std::move(entry));
  }
  return {};
}

}  // namespace

Result<FmList> read_fm_list(const XmlDocument& document) {
  FL_CHECK(check_imaging_root(document, "FMCollectionManifest"));
  FL_CHECK(
      check_known(document, document.root, {"Product"},
                  {"IsBuildFeatureEnabled", "FMs", "SupportedResolutions", "SupportedLanguages", "SupportedLocales"}));
  FmList list;
  list.file = document.file;
  list.product = attribute_of(document.root, "Product").value_or("");
  if (const XmlElement* enabled = find_child(document.root, "IsBuildFeatureEnabled")) {
    FL_TRY(list.build_features, parse_bool(document, enabled->offset, enabled->text));
  }
  FL_CHECK(read_entries(document, list));
  FL_CHECK(read_words(document, "SupportedResolutions", "Resolution", list.resolutions));
  FL_CHECK(read_words(document, "SupportedLanguages", "Language", list.languages));
  FL_CHECK(read_words(document, "SupportedLocales", "Locale", list.locales));
  return list;
}

Result<std::filesystem::path> find_manifest(const FmListEntry& entry,
                                            const std::vector<std::filesystem::path>& folders) {
  constexpr std::string_view directory = "$(FMDirectory)";
  std::string_view path = entry.path;
  if (same_word(path.substr(0, directory.size()), directory)) {
    path.remove_prefix(directory.size());
    path.remove_prefix(std::min(path.find_first_not_of("\\/"), path.size()));
  }
  for (const std::filesystem::path& folder : folders) {
    auto found = find_input(folder, path);
    if (found) return found;
    if (found.error().code != errc::input_missing)
      return fail(found.error().code, entry.where + ": " + found.error().detail);
  }
  std::string looked;
  for (const std::filesystem::path& folder : folders) looked += (looked.empty() ? "" : ", ") + folder.string();
  return fail(errc::input_missing, fmt::format("{}: '{}' is not in {}", entry.where, entry.path, looked));
}

}  // namespace flashline::imaging
