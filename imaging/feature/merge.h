#pragma once
// The Feature Merger: for every group of packages that is selected together a feature identifier package, so that a
// device knows which features it has.

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "imaging/feature/fm_list.h"
#include "imaging/package/package.h"
#include "imaging/workspace/variables.h"

namespace flashline::imaging {

/// What the merger has to know of a cab.
struct MergeMember {
  PackageIdentity identity;
  bool raw_image = false;  ///< fills a partition without a file system
  Sha256 digest{};         ///< of the cab
};
using OpenMember = std::function<Result<MergeMember>(const std::filesystem::path& cab)>;

struct MergeInputs {
  Variables percents{Variables::Style::percent};  ///< %NAME% in paths and names
  std::string oem_name;                           ///< what OEM_NAME stands for
  Version version;                                ///< of the identifier packages
  std::filesystem::path folder;                   ///< where relative paths of cabs begin
  std::string identifier_path = "%PKGBLD_DIR%";   ///< what the merged manifest says of where they lie
  OpenMember open;
};

/// A cab that a manifest of the list names, for the list's CPU, languages and resolutions.
struct NamedCab {
  std::string cab;
  std::string folder;          ///< expanded, as written
  std::filesystem::path file;  ///< empty: not there
  std::string where;           ///< file:line:column of the first entry that names it
};
/// All of them, each once, in document order. `manifests` are those of `list`, in its order.
/// Errors: input_ambiguous, those of Variables.
Result<std::vector<NamedCab>> named_cabs(const FmList& list, const std::vector<FeatureManifest>& manifests,
                                         const MergeInputs& inputs);

struct MergedManifest {
  std::string name;  ///< of the file, as before: "RPiFM.xml"
  std::string text;
};

struct MergeResult {
  std::vector<Package> identifiers;  ///< no files, only `members`: group, manifest, then "name version digest" each
  std::vector<MergedManifest> manifests;
};

/// Identifier packages are named <Owner>.Base.<ID>.<Partition>, <Owner>.OEM_<FEATURE>.<ID>.<Partition> (MS_ on
/// Microsoft's side), <Owner>.{SOC_x,SV_x,DEVICE_x,RELEASE_x,PRERELEASE_x}.<ID>.<Partition>. A raw image's package is
/// counted to MainOS. Those that a manifest already has are made anew.
/// Errors: cab_missing (all), merge_release (a Test package in a Production manifest), merge_feature_id, merge_names
/// (two groups that give one name), cab_mismatch, input_ambiguous, those of `open` and of Variables.
Result<MergeResult> merge_features(const FmList& list, const std::vector<FeatureManifest>& manifests,
                                   const MergeInputs& inputs);

}  // namespace flashline::imaging
