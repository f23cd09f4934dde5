#pragma once
// Features that OEMInput selects, against those that manifests define.

#include <string>
#include <vector>

#include "imaging/feature/resolve.h"

namespace flashline::imaging::detail {

/// The features of Microsoft's side that nobody defines, where `microsoft_missing` excuses them. Errors:
/// feature_unknown, with all that nothing excuses.
Result<std::vector<PlacedWord>> check_features(const OemInput& input, const std::vector<LoadedManifest>& manifests,
                                               bool microsoft_missing);

/// Members of groups that no manifest defines and that are probably misspelled: they never count, so their group guards
/// nothing. A warning each.
std::vector<std::string> idle_members(const std::vector<LoadedManifest>& manifests);

}  // namespace flashline::imaging::detail
