#pragma once
// Who a package is: the attributes of <identity> and <onecorePackageInfo>.

#include "imaging/core/error.h"
#include "imaging/core/xml_document.h"
#include "imaging/package/definition.h"
#include "imaging/package/macro_scope.h"
#include "imaging/package/package.h"
#include "imaging/package/registry_value.h"

namespace flashline::imaging {

/// The identity that `document.root` gives. Errors: package_name, partition_name, binary_partition (attribute and
/// element do not agree), those of XML and macros.
Result<PackageIdentity> read_identity(const XmlDocument& document, const MacroScope& scope, const DefinitionInputs& in,
                                      ValueDialect dialect);

}  // namespace flashline::imaging
