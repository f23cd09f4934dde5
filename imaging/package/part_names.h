#pragma once
// Language and resolution parts: which packages beside the neutral one a definition makes.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "imaging/core/error.h"
#include "imaging/core/xml_document.h"
#include "imaging/package/definition.h"
#include "imaging/package/macro_scope.h"
#include "imaging/package/package.h"

namespace flashline::imaging {

enum class PartKind : std::uint8_t { language, resolution };

/// "language" or "resolution".
std::string_view element_of(PartKind kind);

/// The names that an element's `culture` (or, of a converted pkg.xml, `resolution`) means: `*` is all that the build
/// is for, `!(a;b)` all but those, else a list. Errors: part_unknown (nothing given for `*`), xml_value (no such form),
/// definition_unsupported (multilingual).
Result<std::vector<std::string>> part_names(const XmlDocument& document, const XmlElement& element, PartKind kind,
                                            const MacroScope& scope, const DefinitionInputs& in);

/// The neutral package's identity as that of its part: "..._Lang_en-US", "..._Res_480x800".
PackageIdentity part_identity(const PackageIdentity& neutral, PartKind kind, const std::string& name);

}  // namespace flashline::imaging
