#pragma once
// Where everything goes on a new FAT volume.

#include <cstdint>

#include "imaging/core/error.h"
#include "imaging/filesystem/fat/boot_sector.h"
#include "imaging/filesystem/make_fat.h"

namespace flashline::imaging::fat {

/// A volume of `sectors` sectors whose root folder takes at least `root_slots` entries. Clusters lie at multiples of
/// their size. Errors: partition_too_small, fat32_too_small, cluster_size.
Result<Geometry> lay_out(const FatFormat& format, std::uint64_t sectors, std::uint64_t root_slots);

}  // namespace flashline::imaging::fat
