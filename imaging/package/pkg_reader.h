#pragma once
// The older form of a package definition: *.pkg.xml.

#include "imaging/core/error.h"
#include "imaging/core/xml_document.h"

namespace flashline::imaging {

/// Namespace of a pkg.xml.
inline constexpr const char* pkg_namespace = "urn:Microsoft.WindowsPhone/PackageSchema.v8.00";

/// The <identity> that says what a pkg.xml's <Package> says. Each element and attribute keeps the place that it had,
/// so that errors of the converted form name the original's lines. Values keep the way they are written: read the
/// result with ValueDialect::pkg. Errors: definition_unsupported (SettingsGroup, Capabilities, ...), xml_unknown,
/// xml_missing.
Result<XmlDocument> wm_of_pkg(const XmlDocument& document);

}  // namespace flashline::imaging
