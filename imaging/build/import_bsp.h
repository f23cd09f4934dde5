#pragma once
// A board support package from outside becomes part of a workspace. Source: imaging.md section 16.4.

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "imaging/core/error.h"
#include "imaging/package/package.h"

namespace flashline::imaging {

struct ImportedBsp {
  std::filesystem::path folder;                ///< WORKSPACE/Source-<arch>/BSP/<name>
  std::vector<std::string> feature_manifests;  ///< names of the files that the list of manifests names
  std::size_t files = 0;                       ///< copied
  std::size_t stripped = 0;                    ///< manifests that somebody had merged
};

/// Copies the BSP `name` out of `source`, a folder or a zip that holds <name>FMFileList.xml at any depth, into the
/// workspace's Source-<arch>/BSP/<name>, which must not exist yet. Names are compared without case. Merged
/// manifests become what they were before: their feature identifier packages are those of whoever merged them. On
/// failure no BSP is left.
/// Errors: bsp_source, bsp_incomplete, bsp_cpu, bsp_member (links, paths that leave the folder, names that differ only
/// in case, too much), bsp_exists, bsp_write, image_write, and those of read_input_xml, read_smbios_config and
/// strip_merged.
Result<ImportedBsp> import_bsp(const std::filesystem::path& source, const std::filesystem::path& workspace, CpuType cpu,
                               std::string_view name);

}  // namespace flashline::imaging
