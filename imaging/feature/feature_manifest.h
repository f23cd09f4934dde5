#pragma once
// Feature manifests (*FM.xml): which packages a base image, a board and a feature bring with them.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "imaging/core/error.h"
#include "imaging/core/xml_document.h"
#include "imaging/package/package.h"

namespace flashline::imaging {

/// A word of an input file, and where it stands ("file:line:column").
struct PlacedWord {
  std::string word;
  std::string where;
};

/// Where in a manifest a package is named, and thereby what selects it.
enum class FmSection : std::uint8_t {
  base,               ///< always
  cpu,                ///< the image's CPU
  microsoft_feature,  ///< a feature of OEMInput's Features/Microsoft
  oem_feature,        ///< a feature of OEMInput's Features/OEM
  release,            ///< OEMInput's ReleaseType
  prerelease,         ///< "protected" ones, or "replacement" ones where prerelease features are excluded
  soc,                ///< OEMInput's SOC
  sv,                 ///< OEMInput's SV
  device,             ///< OEMInput's Device
  device_layout,      ///< OEMInput's SOC; brings DeviceLayout.xml, so exactly one over all manifests
  device_platform,    ///< OEMInput's Device; brings OEMDevicePlatform.xml, so exactly one
  boot_ui_language,   ///< always; its name holds the boot language
  boot_locale,        ///< always; its name holds the boot locale
  keyboard,           ///< a language of OEMInput's Keyboard list
  speech,             ///< a language of OEMInput's Speech list
  package_files,      ///< no manifest: OEMInput's own PackageFiles
};
/// As the files write it: "BasePackages", "Features/OEM".
std::string_view name_of(FmSection section);

/// For which languages or resolutions a package has parts of its own.
struct PartSelector {
  enum class Kind : std::uint8_t { none, all, only, except };
  Kind kind = Kind::none;
  std::vector<std::string> words;

  bool takes(std::string_view word) const;
};

/// A `PackageFile`. Texts may still hold %NAME% and $(name).
struct FmPackage {
  FmSection section = FmSection::base;
  std::string where;
  std::string path;  ///< the folder
  std::string name;  ///< the cab
  PartSelector languages;
  PartSelector resolutions;
  bool no_base = false;        ///< there is no part without a language
  std::optional<CpuType> cpu;  ///< only for this one
  std::string selector;        ///< the section's own attribute: SOC, SV, Device, ReleaseType, Type, Language
  std::vector<PlacedWord> features;
  bool identifier = false;             ///< a feature identifier package
  std::string partition, id, version;  ///< written by the merger; else empty
};

/// How many members of a group may be selected.
enum class GroupConstraint : std::uint8_t { zero_or_more, one_or_more, zero_or_one, one_and_only_one };
/// "ZeroOrMore", ...
std::string_view name_of(GroupConstraint constraint);

/// Members are implicit ids (RELEASE_x, SOC_x, SV_x, DEVICE_x, MS_x, OEM_x); one without such a beginning is a feature
/// of the group's own side.
struct FeatureGroup {
  bool microsoft = false;  ///< stands on Microsoft's side
  std::string name;        ///< optional
  GroupConstraint constraint = GroupConstraint::zero_or_more;
  std::vector<PlacedWord> members;
  std::string where;
};

/// Steers updates of a device, not the image.
struct ConditionalFeature {
  std::string feature;  ///< with its OEM_
  std::string action;   ///< "NoUpdate"
  std::string where;
};

struct FeatureManifest {
  std::string file;   ///< as it was opened
  std::string where;  ///< of the root
  std::string revision, schema_version;
  std::string id, owner_name;  ///< written by the merger; else empty
  std::optional<OwnerType> owner_type;
  std::optional<ReleaseType> release_type;
  std::vector<FmPackage> packages;  ///< in document order
  std::vector<FeatureGroup> groups;
  std::vector<ConditionalFeature> conditions;

  /// The merger has been over it.
  bool merged() const { return !id.empty() && !owner_name.empty(); }
};

/// Errors: feature_document (no manifest), xml_unknown, xml_missing, xml_value, feature_cab_name, feature_constraint,
/// feature_condition; each with file:line:column.
Result<FeatureManifest> read_feature_manifest(const XmlDocument& document);

/// The manifest as a file: UTF-8, sections as they first appear, the same for the same manifest. Comments are
/// gone.
std::string manifest_text(const FeatureManifest& manifest);

/// The text of a manifest without what the merger adds (identifier packages, ID, OwnerName ...), the rest untouched:
/// what importing a foreign BSP keeps. Errors: feature_document.
Result<std::string> strip_merged(const XmlDocument& document);

/// Letters, digits and '_': what may stand in the id of a feature or of a manifest.
bool is_feature_id(std::string_view id);

/// "Production" or "Test". Errors: xml_value.
Result<ReleaseType> parse_release_type(const XmlDocument& document, std::size_t offset, std::string_view text);

/// Refuses a document whose root is not `root` in the namespace of imaging files. Errors: feature_document.
Status check_imaging_root(const XmlDocument& document, std::string_view root);

}  // namespace flashline::imaging
