#pragma once
// OEMInput.xml: what one image is to be: its board, release type, languages, manifests and features.

#include <string>
#include <vector>

#include "imaging/feature/feature_manifest.h"
#include "imaging/workspace/variables.h"

namespace flashline::imaging {

/// What OEMInput's `Product` says: which manifest of its maker is implied.
enum class ImageProduct : std::uint8_t {
  iot_core,      ///< "Windows 10 IoT Core", also when absent: Microsoft's own manifest is implied
  linux_system,  ///< "Linux", an extension of ours: nothing is implied, rules about Windows features do not apply
};

/// Texts have their %NAME% replaced.
struct OemInput {
  std::string file;
  std::string description;
  PlacedWord soc, device;
  PlacedWord sv;  ///< may be empty
  ReleaseType release_type = ReleaseType::production;
  std::string build_type;  ///< "fre" or "chk"
  std::vector<std::string> ui_languages, keyboard_languages, speech_languages;
  std::string boot_ui_language, boot_locale;
  std::vector<std::string> resolutions;
  std::vector<PlacedWord> additional_fms;  ///< paths
  std::vector<PlacedWord> microsoft_features, oem_features;
  std::vector<PlacedWord> package_files;  ///< paths of cabs that no manifest names; only in Test images
  ImageProduct product = ImageProduct::iot_core;
  bool format_dpp = false;
  bool exclude_prerelease = false;
  PlacedWord device_platform_file;  ///< `OEMDevicePlatform`: that file instead of a package's; may be empty
  PlacedWord user_store_map;        ///< `UserStoreMapData`; may be empty

  /// Selected on either side, case aside; nullptr: not.
  const PlacedWord* find_feature(std::string_view id) const;
};

/// `percents` are the names of %NAME%. Errors: feature_document, feature_repeated, xml_unknown, xml_missing, xml_value,
/// oem_boot_language (not among the UI languages), oem_product; those of Variables, at their place.
Result<OemInput> read_oem_input(const XmlDocument& document, const Variables& percents);

}  // namespace flashline::imaging
