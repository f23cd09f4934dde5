#pragma once
// What decides an image before any of its packages is opened: product, OEMInput, and the cabs in their order.

#include <string>
#include <vector>

#include "imaging/build/build_image.h"
#include "imaging/feature/resolve.h"

namespace flashline::imaging {

struct ImageInputs {
  Workspace workspace;
  Product product;
  BuildEnvironment environment;
  std::filesystem::path folder;  ///< of this product and configuration: cabs, keys, scratch
  std::filesystem::path oem_file;
  OemInput oem;
  Variables names{Variables::Style::percent};  ///< %NAME%, with all cabs in one folder
  std::vector<LoadedManifest> manifests;
  Resolution resolution;  ///< every package has its file
  std::vector<MissingCab> missing;
  std::vector<std::string> missing_manifests;
  std::vector<std::string> unknown_features;
  CabCounts cabs;
};

/// Reads, merges, builds, resolves. Without stand-ins nothing is missing afterwards.
/// Errors: those of build_image up to resolving.
Result<ImageInputs> gather_inputs(const ImageBuildOptions& options);

/// Where cabs, keys and scratch of the product and its configuration lie. Errors: those of reading the workspace.
Result<std::filesystem::path> image_folder(const ImageBuildOptions& options);

/// Of all that decides the bytes of the image. Errors: input_open.
Result<Sha256> image_key(const ImageInputs& inputs, const ImageBuildOptions& options);

}  // namespace flashline::imaging
