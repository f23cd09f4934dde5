#pragma once
// The Feature Merger over files: a list, its manifests and their cabs in, identifier packages and merged manifests out.

#include <filesystem>
#include <vector>

#include "imaging/feature/merge.h"
#include "imaging/package/cab.h"

namespace flashline::imaging {

struct MergeFolders {
  std::vector<std::filesystem::path> manifests;  ///< where $(FMDirectory) is looked for, the first that has it wins
  std::filesystem::path identifiers;             ///< takes the identifier packages
  std::filesystem::path merged;                  ///< takes the merged manifests
};

/// What the merger has to know of a cab, read out of it. Errors: those of open_cab.
Result<MergeMember> read_member(const std::filesystem::path& cab);

/// Folders that are to take something are made. Nothing is written before all of it is known to be good.
/// `inputs.open` may be empty: then read_member. Errors: those of read_fm_list, find_manifest, read_feature_manifest,
/// merge_features and write_cab; image_write.
Result<MergeResult> merge_files(const std::filesystem::path& list, const MergeFolders& folders, MergeInputs inputs,
                                const CabOptions& options);

}  // namespace flashline::imaging
