#pragma once
// A hive that a package brings along, as a tree to merge into.

#include <cstddef>
#include <span>
#include <string_view>

#include "imaging/core/error.h"
#include "imaging/filesystem/registry/registry_tree.h"

namespace flashline::imaging {

/// Reads a hive of format 1.3 to 1.6: keys, values, class names, security descriptors, links; what was volatile or
/// deleted is not there. `writer` is who brings it, and how messages call it. Nothing in the file is believed: each
/// cell belongs to one record, lies inside of the file and is used once.
/// Errors: hive_damaged (with the offset in the file), hive_version, hive_dirty (changes that are still in its log).
Result<RegistryTree> read_hive(std::span<const std::byte> bytes, std::string_view writer);

}  // namespace flashline::imaging
