#pragma once
// Paths of registry keys, as the hives of an image know them.

#include <string>
#include <string_view>

#include "imaging/core/error.h"

namespace flashline::imaging {

/// `path`, which begins with HKEY_LOCAL_MACHINE, HKEY_CLASSES_ROOT, HKEY_CURRENT_USER or HKEY_USERS, with the root and
/// the hive in their usual case. CurrentControlSet becomes ControlSet001: the former exists on a running system only.
/// Errors: registry_key (a hive that no image has, an empty part, a part longer than 255 characters, a trailing `\`).
Result<std::string> registry_path(std::string_view path);

}  // namespace flashline::imaging
