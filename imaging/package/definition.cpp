#include "imaging/package/definition.h"

#include <spdlog/fmt/fmt.h>

#include "imaging/core/errors/package.h"
#include "imaging/package/pkg_reader.h"
#include "imaging/package/wm_reader.h"
#include "imaging/workspace/input_xml.h"

namespace flashline::imaging {

Result<std::vector<Package>> read_definition(const std::filesystem::path& wm_xml, const DefinitionInputs& in) {
  FL_TRY(const XmlDocument document, read_input_xml(wm_xml));
  return read_definition(document, wm_xml.parent_path(), in);
}

Result<std::vector<Package>> read_definition(const XmlDocument& document, const std::filesystem::path& folder,
                                             const DefinitionInputs& in) {
  const std::string space = root_namespace(document);
  const std::string_view root = local_name(document.root.name);
  if (space == wm_namespace && same_word(root, "identity")) return read_wm(document, folder, in, ValueDialect::wm);
  if (space == pkg_namespace && same_word(root, "Package")) {
    FL_TRY(const XmlDocument converted, wm_of_pkg(document));
    return read_wm(converted, folder, in, ValueDialect::pkg);
  }
  return document.error(errc::definition_root, document.root.offset,
                        fmt::format("<{}> of namespace '{}' defines no package", document.root.name, space));
}

}  // namespace flashline::imaging
