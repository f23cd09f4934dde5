#pragma once
// The elements of a *.wm.xml, read into packages.

#include <filesystem>
#include <vector>

#include "imaging/core/error.h"
#include "imaging/core/xml_document.h"
#include "imaging/package/definition.h"
#include "imaging/package/package.h"
#include "imaging/package/registry_value.h"

namespace flashline::imaging {

/// Namespace of a wm.xml.
inline constexpr const char* wm_namespace = "urn:Microsoft.CompPlat/ManifestSchema.v1.00";

/// `document.root` is an <identity>. `dialect` is pkg when it was converted from a pkg.xml: then values are written
/// in that file's way, and there may be several <language> and <resolution> elements.
Result<std::vector<Package>> read_wm(const XmlDocument& document, const std::filesystem::path& folder,
                                     const DefinitionInputs& in, ValueDialect dialect);

}  // namespace flashline::imaging
