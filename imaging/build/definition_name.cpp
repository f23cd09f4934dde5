#include "imaging/build/definition_name.h"

#include <spdlog/fmt/fmt.h>

#include "imaging/workspace/input_xml.h"

namespace flashline::imaging {
namespace {

const XmlElement* macros_of(const XmlElement& root) { return find_child(root, "macros"); }

/// The definition's own macros may be part of its name.
Variables with_local_macros(const XmlElement& root, const Variables& macros) {
  Variables all = macros;
  const XmlElement* local = macros_of(root);
  if (local == nullptr) return all;
  for (const XmlElement& macro : local->children) {
    const auto id = attribute_of(macro, "id");
    const auto value = attribute_of(macro, "value");
    if (id && value && !macros.has(*id)) all.set(*id, *value);
  }
  return all;
}

Result<DefinitionName> name_of_wm(const XmlDocument& document, const Variables& macros) {
  const XmlElement& root = document.root;
  FL_TRY(const std::string name, required_attribute(document, root, "name"));
  FL_TRY(const std::string owner, required_attribute(document, root, "owner"));
  const std::string space = attribute_of(root, "namespace").value_or("");
  const std::string built =
      space.empty() ? fmt::format("{}-{}", owner, name) : fmt::format("{}-{}-{}", owner, space, name);
  DefinitionName result{.name = {}, .partition = "MainOS"};
  FL_TRY(result.name, macros.expand(attribute_of(root, "legacyName").value_or(built)));
  if (const XmlElement* info = find_child(root, "onecorePackageInfo")) {
    FL_TRY(result.partition, macros.expand(attribute_of(*info, "targetPartition").value_or("MainOS")));
  }
  return result;
}

Result<DefinitionName> name_of_pkg(const XmlDocument& document, const Variables& macros) {
  FL_TRY(const std::string owner, required_attribute(document, document.root, "Owner"));
  FL_TRY(const std::string component, required_attribute(document, document.root, "Component"));
  const auto part = attribute_of(document.root, "SubComponent");
  DefinitionName result;
  FL_TRY(result.name, macros.expand(part && !part->empty() ? fmt::format("{}.{}.{}", owner, component, *part)
                                                           : fmt::format("{}.{}", owner, component)));
  FL_TRY(result.partition, macros.expand(attribute_of(document.root, "Partition").value_or("MainOS")));
  return result;
}

}  // namespace

Result<DefinitionName> definition_name(const std::filesystem::path& definition, const Variables& macros) {
  FL_TRY(const XmlDocument document, read_input_xml(definition));
  const Variables all = with_local_macros(document.root, macros);
  auto found =
      same_word(local_name(document.root.name), "Package") ? name_of_pkg(document, all) : name_of_wm(document, all);
  if (!found) return std::unexpected{in_context(definition.string(), found.error())};
  return found;
}

std::string base_name(std::string_view cab) {
  std::string name{cab};
  if (folded(name).ends_with(".cab")) name.resize(name.size() - 4);
  const std::string key = folded(name);
  for (const std::string_view part : {"_lang_", "_res_"}) {
    if (const std::size_t at = key.find(part); at != std::string::npos && at < name.size()) name.resize(at);
  }
  return name;
}

}  // namespace flashline::imaging
