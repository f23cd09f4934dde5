#pragma once
// <driver>: an INF and where its files are.

#include "imaging/core/error.h"
#include "imaging/core/xml_document.h"
#include "imaging/package/element_reader.h"
#include "imaging/package/inf_driver.h"
#include "imaging/package/macro_scope.h"

namespace flashline::imaging {

/// What the driver puts into the package. Errors: those of the element with its place, those of the INF with its own.
Result<DriverContent> driver_content(const ElementReader& reader, const XmlElement& driver, const MacroScope& scope);

}  // namespace flashline::imaging
