#pragma once
// A WIM with one image, not compressed: what NTFS volumes are filled from.
// Source: "Windows Imaging File Format (WIM)", Microsoft, 2007; wimlib's documentation where it is silent.

#include <chrono>
#include <string>

#include "imaging/core/error.h"
#include "imaging/filesystem/file_tree.h"

namespace flashline::imaging {

struct WimOptions {
  std::string name{};             ///< of the image
  std::string properties{};       ///< XML elements that are added to the IMAGE element as they are
  std::chrono::sys_seconds time;  ///< every stamp
  bool owners = false;            ///< gives everything to Administrators, with the access that Windows' folders have
};

/// Writes `tree` to the empty file `fd` (open for reading and writing), equal contents once. The GUID is made of the
/// contents: same input, same bytes.
/// Errors: tree_kind (links), tree_name, content_changed, image_open, image_read, image_write.
Status write_wim(int fd, const FileTree& tree, const WimOptions& options);

}  // namespace flashline::imaging
