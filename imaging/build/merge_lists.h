#pragma once
// The manifests of an OEM and of a board, merged before an image is built: what `buildfm` does in the kit.

#include <filesystem>
#include <functional>
#include <vector>

#include "imaging/build/build_environment.h"
#include "imaging/build/cab_source.h"
#include "imaging/feature/oem_input.h"

namespace flashline::imaging {

/// The lists of manifests (*FMFileList.xml) of the architecture and of the product's board. Errors: bsp_missing,
/// input_ambiguous.
Result<std::vector<std::filesystem::path>> find_fm_lists(const Workspace& workspace, const Product& product);

/// Merges each list that has a manifest which `input` wants merged: all cabs that it names are provided, identifier
/// packages are added, merged manifests are written to `environment.merged`. `names` are those of the image: all
/// folders of packages are the source's. Errors: those of read_fm_list, find_manifest, read_feature_manifest,
/// named_cabs, CabSource::provide and merge_features.
Status merge_lists(const Workspace& workspace, const Product& product, const BuildEnvironment& environment,
                   const Variables& names, const OemInput& input, CabSource& source);

}  // namespace flashline::imaging
