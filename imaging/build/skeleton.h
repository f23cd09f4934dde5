#pragma once
// The first files of a product, a package or a board support package: what a newcomer would copy by hand.

#include <filesystem>
#include <string>
#include <vector>

#include "imaging/build/product.h"
#include "imaging/feature/oem_input.h"

namespace flashline::imaging {

struct NewProduct {
  std::string name;
  std::string bsp;  ///< must be there: its OEMInputSamples become the product's
};

/// Source-<arch>/Products/<name>: settings, OEMInput for test and retail; where it is not for Linux an answer file and
/// an empty oemcustomization.cmd, too. The same inputs give the same files. Returns what was made. Errors:
/// skeleton_name, skeleton_exists, bsp_missing, input_missing (the BSP has no samples), image_write.
Result<std::vector<std::filesystem::path>> new_product(const Workspace& workspace, std::string_view arch,
                                                       const NewProduct& product);

/// Common/Packages/<name> (or that of `arch`, or of a BSP): a definition with one registry key (for Linux: with a
/// service in the background), and an entry with the feature id NAMESPACE_NAME in the manifest that lies there. `name`:
/// "Custom.Panel".
/// Errors: skeleton_name, skeleton_exists, input_missing (no manifest), image_write.
Result<std::vector<std::filesystem::path>> new_package(const Workspace& workspace, const std::string& name,
                                                       const std::filesystem::path& packages,
                                                       ImageProduct kind = ImageProduct::iot_core);

/// Source-<arch>/BSP/<name>: manifest, list of manifests, OEMInput samples; for Linux a layout of the disk, too.
/// Errors: skeleton_name, skeleton_exists, image_write.
Result<std::vector<std::filesystem::path>> new_bsp(const Workspace& workspace, std::string_view arch,
                                                   const std::string& name, ImageProduct kind = ImageProduct::iot_core);

}  // namespace flashline::imaging
