#pragma once
// A registry hive file out of a tree, in one pass.

#include <cstddef>
#include <ctime>
#include <string_view>
#include <vector>

#include "imaging/core/error.h"
#include "imaging/core/units.h"
#include "imaging/filesystem/registry/registry_tree.h"

namespace flashline::imaging {

/// A hive of format 1.5. `name` ("SYSTEM") stands in its header; every key was written at `time` (seconds since 1970).
/// The same tree, name and time give the same bytes. Errors: hive_too_large, beyond `max_bytes` or where the format
/// itself ends.
Result<std::vector<std::byte>> build_hive(const RegistryTree& tree, std::string_view name, std::time_t time,
                                          std::uint64_t max_bytes = 2_GiB);

}  // namespace flashline::imaging
