#pragma once
// bootfiles.bin: a plain tar archive with one folder a chip.

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "imaging/core/error.h"

namespace flashline::transport {

struct BundleFile {
  std::string name;                    ///< "2711/mcb.bin"
  std::span<const std::byte> content;  ///< lies in the bundle's bytes
};

/// The regular files of a bundle. POSIX and GNU headers; links, devices and names that need an extension are refused,
/// since no bundle has them. Errors: rpi_bundle (damaged, at which offset), rpi_bundle_name (leaves its folder).
Result<std::vector<BundleFile>> read_bundle(std::span<const std::byte> bundle);

/// A name that stays in the folder it is put into: not empty, not absolute, no "." or ".." in its path, no backslash,
/// no control character.
bool is_inside_name(std::string_view name);

}  // namespace flashline::transport
