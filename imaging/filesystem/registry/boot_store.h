#pragma once
// The boot store (BCD): a registry hive on the EFI system partition, with objects and their settings.

#include <string>
#include <string_view>
#include <vector>

#include "imaging/core/error.h"
#include "imaging/filesystem/registry/boot_configuration.h"
#include "imaging/filesystem/registry/registry_tree.h"
#include "imaging/layout/lay_out.h"

namespace flashline::imaging {

/// Sets in `store` what a package's file says; a store that was empty becomes one that a boot manager takes. Devices
/// are looked up in `disk`. Returns warnings, each with its place: a disk that the image does not have, where another
/// one of the image has the partition. Errors: boot_partition, boot_name (an object of unknown type).
Result<std::vector<std::string>> apply_boot_configuration(RegistryTree& store, const BootConfiguration& configuration,
                                                          const DiskLayout& disk, std::string_view writer);

}  // namespace flashline::imaging
