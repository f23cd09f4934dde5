#pragma once
// Feature manifests without what somebody's merger wrote into them.

#include <string>

#include "imaging/core/xml_document.h"

namespace flashline::imaging::detail {

struct StrippedManifest {
  std::string text;  ///< UTF-8, all else as it was
  std::size_t entries = 0;
};

/// The text of `manifest` without PackageFile elements that say FeatureIdentifierPackage="true".
StrippedManifest strip_identifier_packages(const XmlDocument& manifest);

}  // namespace flashline::imaging::detail
