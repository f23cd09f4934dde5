#pragma once
// The manifests of packages: which member of the cabinet is which file of the device.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "imaging/core/error.h"
#include "imaging/package/package.h"

namespace flashline::imaging {

/// A package whose sources are names of members. A path as a source is such a name, as the cabinet writes it.
struct PackageManifest {
  Package package;                          ///< its registry lies in `registry_parts`, not here
  std::vector<PackageFile> registry_parts;  ///< device paths, members and digests of them
};

/// Names of the members that say what the others are.
inline constexpr std::string_view spkg_manifest_name = "man.dsm.xml", spkg_catalog_name = "content.cat";
inline constexpr std::string_view servicing_manifest_name = "update.mum", servicing_catalog_name = "update.cat";

/// man.dsm.xml (imaging.md section 5.4). What that format has no words for (the file's name where it is not made of the
/// identity, empty folders, boot store, members of a feature identifier package) stands in a namespace of ours.
std::string build_spkg_manifest(const PackageManifest& manifest);

/// Reads man.dsm.xml, ours or another's; `file` is how messages call it. What another tool adds is left aside, but a
/// kind of file or an attribute that is not known is refused. Errors: cab_manifest, those of parse_input_xml.
Result<PackageManifest> parse_spkg_manifest(std::span<const std::byte> bytes, const std::string& file);

/// Reads update.mum (section 5.3): identity and files, those of its components with them.
/// Errors: cab_manifest, those of parse_input_xml.
Result<PackageManifest> parse_servicing_manifest(std::span<const std::byte> bytes, const std::string& file);

/// The registry keys of a component manifest (`*.manifest` in a servicing package) that is plain XML. Services and what
/// else such a manifest may hold are not read. Errors: cab_manifest, those of parse_input_xml.
Result<std::vector<RegistryKey>> parse_component_registry(std::span<const std::byte> bytes, const std::string& file);

}  // namespace flashline::imaging
