#pragma once
// Paths as Windows writes them, found on a file system that tells upper from lower case.

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "imaging/core/error.h"

namespace flashline::imaging {

/// The parts of a path; `\` and `/` divide, empty parts and `.` fall away, `..` stays.
std::vector<std::string> path_parts(std::string_view path);

/// The file or folder that `path` names below `folder`, compared without case folder by folder. An absolute host path
/// is taken as it is. Errors: input_missing (how far it got), input_ambiguous (two names that differ only in case).
Result<std::filesystem::path> find_input(const std::filesystem::path& folder, std::string_view path);

/// `path` made to begin with one `\`, divided by single `\`. Errors: path_escapes (`..`, a drive, a stream, a
/// character that Windows refuses), named with `path`.
Result<std::string> device_path(std::string_view path);

}  // namespace flashline::imaging
