#pragma once
// From OEMInput and manifests to the list of packages of an image.
//
//   read_oem_input -> load_manifests -> resolve -> locate_packages -> require_all

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "imaging/feature/feature_manifest.h"
#include "imaging/feature/oem_input.h"
#include "imaging/package/package.h"
#include "imaging/workspace/variables.h"

namespace flashline::imaging {

struct LoadedManifest {
  FeatureManifest manifest;
  bool microsoft = false;  ///< Microsoft's own
};

/// A manifest that is not there.
struct MissingManifest {
  std::string path;   ///< expanded
  std::string where;  ///< who wants it
  bool microsoft = false;
};

struct LoadedManifests {
  std::vector<LoadedManifest> manifests;  ///< the implied one first, then in OEMInput's order
  std::vector<MissingManifest> missing;   ///< all of Microsoft's: it hands them out only with its kit
};

/// Reads the manifest that Product implies (%AKROOT%\FMFiles\<cpu>\IoTUAPFM.xml) and each AdditionalFM. Relative paths
/// begin at `folder`. Microsoft's are those below %AKROOT%, and those whose names begin with IoTUAP.
/// Errors: fm_missing (all that are not there and not Microsoft's), input_ambiguous, those of read_feature_manifest.
Result<LoadedManifests> load_manifests(const OemInput& input, const Variables& percents, CpuType cpu,
                                       const std::filesystem::path& folder);

struct ResolveInputs {
  Variables percents{Variables::Style::percent};  ///< %NAME%; $(mspackageroot) is %MSPACKAGE%
  CpuType cpu = CpuType::arm;
  /// A manifest of Microsoft's is not there: features of its side that no manifest defines are listed, not refused.
  bool microsoft_missing = false;
};

/// Why a package is in the image.
struct PullReason {
  std::string manifest;  ///< file name of the manifest (of OEMInput, for package_files)
  FmSection section = FmSection::base;
  std::string selector;  ///< the feature, SOC, device ... that selected it; empty: always
  std::string where;     ///< file:line:column of the entry
};

struct ResolvedPackage {
  std::string cab;                  ///< file name: "Contoso.RPi.BootFirmware.cab"
  std::string folder;               ///< expanded, as written: "/ws/Build/arm\pkgs"
  bool microsoft = false;           ///< named by one of Microsoft's manifests
  bool identifier = false;          ///< a feature identifier package
  std::string version, partition;   ///< what the manifest says of it; empty: nothing
  std::vector<PullReason> reasons;  ///< the first one gave it its place
  std::filesystem::path file;       ///< set by locate_packages; empty: not there
};

struct Resolution {
  std::vector<ResolvedPackage> packages;       ///< in the order they are installed: a later one overwrites
  std::size_t device_layout = 0;               ///< the one that brings DeviceLayout.xml
  std::optional<std::size_t> device_platform;  ///< brings OEMDevicePlatform.xml; nothing: OEMInput names the file
  std::vector<PlacedWord> unknown_microsoft;   ///< features, see ResolveInputs::microsoft_missing
  std::vector<std::string> warnings;           ///< a clause each, with its place
};

/// Order: Microsoft's base, Microsoft's features, silicon vendor / SOC / device / layout / platform, OEM base, OEM
/// features, PackageFiles; inside of these manifests in their order, inside of one document order. A cab that is named
/// several times is installed once, at its first place. Touches no file.
/// Errors: feature_unknown (all of them), feature_group, soc_unmatched, soc_ambiguous, device_unmatched,
/// device_ambiguous, cab_two_paths, those of Variables; each with the lines involved.
Result<Resolution> resolve(const OemInput& input, const std::vector<LoadedManifest>& manifests,
                           const ResolveInputs& inputs);

/// Looks for every cab, folder by folder and case aside; relative folders begin at `folder`. What is not there keeps an
/// empty `file`. Errors: input_ambiguous.
Status locate_packages(Resolution& resolution, const std::filesystem::path& folder);

/// Nothing is missing. Errors: cab_missing, with every cab and every feature that is, and who wants it.
Status require_all(const Resolution& resolution);

/// The cab is the one that the manifest means: name, CPU, version and partition. Errors: cab_mismatch.
Status check_member(const ResolvedPackage& wanted, const PackageIdentity& found, CpuType cpu);

}  // namespace flashline::imaging
