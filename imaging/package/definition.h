#pragma once
// Package definitions: what a *.wm.xml (or an older *.pkg.xml) says, as packages.

#include <filesystem>
#include <string>
#include <vector>

#include "imaging/core/error.h"
#include "imaging/core/xml_document.h"
#include "imaging/package/package.h"
#include "imaging/workspace/variables.h"

namespace flashline::imaging {

/// What a definition cannot know by itself.
struct DefinitionInputs {
  /// OEMNAME, PROD, PRJDIR, COMDIR, BSPVER, BSPARCH, BUILDTIME, BLDDIR and what else a build defines.
  Variables dollars{Variables::Style::dollar};
  Version version;
  CpuType cpu = CpuType::arm;
  std::string build_type = "fre";  ///< "fre" or "chk": what buildFilter calls build.buildType
  /// What $(_RELEASEDIR) means unless `dollars` says so; empty: the folder of the definition.
  std::filesystem::path payload_root;
  std::vector<std::string> languages;    ///< which parts `culture="*"` makes: "en-US"
  std::vector<std::string> resolutions;  ///< which parts Resolution="*" of a pkg.xml makes: "1024x768"
};

/// Reads a definition and the payload that it names (sizes and digests; the bytes stay where they are). The first
/// package is the neutral one, the others are its language and resolution parts, in the order of the file. Nothing at
/// all: the buildFilter of the whole definition says that it is not for this build.
/// Errors name file, line and column: those of the XML, of variables, of payload (input_missing, input_ambiguous,
/// payload_empty), and FL-PKG-010 to 036.
Result<std::vector<Package>> read_definition(const std::filesystem::path& wm_xml, const DefinitionInputs& in);

/// The same from a document; sources are looked for from `folder`.
Result<std::vector<Package>> read_definition(const XmlDocument& document, const std::filesystem::path& folder,
                                             const DefinitionInputs& in);

}  // namespace flashline::imaging
