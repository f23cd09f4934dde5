#include "imaging/package/wm_driver.h"

#include <spdlog/fmt/fmt.h>

#include "imaging/core/errors/build.h"
#include "imaging/core/errors/package.h"
#include "imaging/package/package_content.h"

namespace flashline::imaging {
namespace {

/// The files that a definition puts elsewhere than the INF does: `files/file`.
Status read_replacements(const ElementReader& reader, const XmlElement& driver, const MacroScope& scope,
                         DriverSources& sources) {
  return reader.each(driver, "files", scope, [&](const XmlElement& files) -> Status {
    FL_CHECK(check_known(reader.document(), files, {"buildFilter"}, {"file"}));
    return reader.each(files, "file", scope, [&](const XmlElement& file) -> Status {
      FL_CHECK(check_known(reader.document(), file, {"source", "name", "buildFilter"}, {}));
      FL_TRY(const std::string from, reader.text_of(file, "source", scope));
      std::string name = leaf_of(from);
      if (find_attribute(file, "name") != nullptr) {
        FL_TRY(name, reader.text_of(file, "name", scope));
      }
      FL_TRY(sources.replaced[folded(name)], reader.source(file, "source", from));
      return {};
    });
  });
}

Result<DriverSources> driver_sources(const ElementReader& reader, const XmlElement& driver, const XmlElement& inf,
                                     const MacroScope& scope) {
  FL_TRY(const std::string source, reader.text_of(inf, "source", scope));
  DriverSources sources;
  sources.cpu = reader.facts().cpu;
  sources.inf_name = leaf_of(source);
  FL_TRY(sources.inf, reader.source(inf, "source", source));
  sources.folder = sources.inf.parent_path();
  if (find_attribute(driver, "defaultImportPath") != nullptr) {
    FL_TRY(const std::string folder, reader.text_of(driver, "defaultImportPath", scope));
    FL_TRY(sources.folder, reader.source(driver, "defaultImportPath", folder));
  }
  FL_CHECK(read_replacements(reader, driver, scope, sources));
  return sources;
}

}  // namespace

Result<DriverContent> driver_content(const ElementReader& reader, const XmlElement& driver, const MacroScope& scope) {
  const XmlDocument& document = reader.document();
  FL_CHECK(check_known(document, driver, {"defaultImportPath", "buildFilter"}, {"inf", "files", "security"}));
  FL_CHECK(reader.check_once(driver, "inf"));
  if (const XmlElement* const security = find_child(driver, "security")) {
    return document.error(errc::definition_unsupported, security->offset, "<security> of a driver");
  }
  const XmlElement* const inf = find_child(driver, "inf");
  if (inf == nullptr) return document.error(errc::xml_missing, driver.offset, "<driver> needs an <inf>");
  FL_CHECK(check_known(document, *inf, {"source"}, {}));
  FL_TRY(const DriverSources sources, driver_sources(reader, driver, *inf, scope));
  FL_TRY(DriverContent content, read_driver(sources));
  for (const auto& [name, path] : sources.replaced) {
    if (content.used.contains(name)) continue;
    return document.error(errc::definition_unsupported, driver.offset,
                          fmt::format("the INF names no file '{}'", path.filename().string()));
  }
  return content;
}

}  // namespace flashline::imaging
