#pragma once
// A WIM with one image, not compressed: what NTFS volumes are filled from.
// Source: "Windows Imaging File Format (WIM)", Microsoft, 2007; wimlib's documentation where it is silent.

#include <chrono>
#include <filesystem>
#include <string>

#include "imaging/core/error.h"
#include "imaging/filesystem/file_tree.h"

namespace flashline::imaging {

struct WimOptions {
  std::string name{};             ///< of the image
  std::string properties{};       ///< XML elements that are added to the IMAGE element as they are
  std::chrono::sys_seconds time;  ///< every stamp
};

/// Writes `tree` to `out`, equal contents once. The GUID is made of the contents: same input, same bytes.
/// Errors: tree_kind (links), tree_name, content_changed, image_open, image_read, image_write.
Status write_wim(const std::filesystem::path& out, const FileTree& tree, const WimOptions& options);

}  // namespace flashline::imaging
