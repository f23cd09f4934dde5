#pragma once
// What OEMInput selects, as the words that groups and sections ask for.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "imaging/feature/feature_manifest.h"
#include "imaging/feature/oem_input.h"

namespace flashline::imaging::detail {

/// The implicit ids of an OEMInput: RELEASE_x, SOC_x, SV_x, DEVICE_x, MS_x, OEM_x.
class Selection {
 public:
  explicit Selection(const OemInput& input);

  bool has(std::string_view implicit_id) const;
  /// Where OEMInput says so.
  std::string where(std::string_view implicit_id) const;

 private:
  std::map<std::string, std::string> places_;  ///< by folded id
};

/// `member` of `group` as an implicit id: what has no known beginning is a feature of the group's own side.
std::string implicit_id(const FeatureGroup& group, std::string_view member);

/// Every group's constraint holds. Errors: feature_group, with all that do not.
Status check_groups(const std::vector<const FeatureManifest*>& manifests, const Selection& selection);

}  // namespace flashline::imaging::detail
