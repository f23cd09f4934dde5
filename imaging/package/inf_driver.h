#pragma once
// What a driver's INF puts into an image: the driver store, files, services.
//
// Done here: INF, catalog and all files of its CopyFiles sections go to the driver store, the latter also to their
// DestinationDirs; services of AddService and keys below HKLM, HKCR, HKCU and HKU of AddReg are written, so that what
// a device needs to start is there. Left to the device, which reads the same INF from the driver store when it finds
// the hardware: keys relative to a device (HKR of install sections), interfaces, WDF sections, Include and Needs.

#include <filesystem>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "imaging/core/error.h"
#include "imaging/package/inf_file.h"
#include "imaging/package/package.h"

namespace flashline::imaging {

struct DriverSources {
  std::filesystem::path inf;     ///< the file itself
  std::filesystem::path folder;  ///< where [SourceDisksNames] begins
  CpuType cpu = CpuType::arm;
  std::string inf_name;  ///< as the definition names it: the name in the driver store
  /// Files that are not where the INF says: folded name -> file.
  std::map<std::string, std::filesystem::path> replaced;
};

struct DriverContent {
  std::vector<PackageFile> files;
  std::vector<RegistryKey> registry;
  std::set<std::string> used;  ///< which of `replaced` the INF names
};

/// Errors: inf_syntax, inf_section, inf_architecture, inf_source, inf_destination, inf_value, inf_unsupported,
/// path_escapes, those of payload; each with the INF's line and column.
Result<DriverContent> read_driver(const DriverSources& sources);

/// The folder `\Windows\System32\DriverStore\FileRepository\<inf>_<cpu>_<16 hex digits of the INF's SHA-256>`.
std::string driver_store_folder(std::string_view inf_name, CpuType cpu, std::span<const std::byte> inf_bytes);

/// How a folder on the device is written: from the partition's root, as a path with a drive, as the kernel sees it, or
/// as a REG_EXPAND_SZ value.
enum class FolderForm : std::uint8_t { device, drive, kernel, expandable };
/// The folder of a number of [DestinationDirs] (dirid); 13 is `driver_store`. nullopt: none that an image has.
std::optional<std::string> inf_folder(std::string_view number, const std::string& driver_store, FolderForm form);

/// The install sections that the models for `cpu` name, each as its best decoration is called (X.NTarm, X.NT, X).
/// Errors: inf_section, inf_architecture.
Result<std::vector<std::string>> install_sections(const InfFile& inf, CpuType cpu);

/// The keys of AddReg section `name`. `relative` is what HKR means; empty: such lines are left to the device.
/// Errors: inf_section (not there), inf_value, inf_unsupported, registry_key.
Result<std::vector<RegistryKey>> inf_registry(const InfFile& inf, const InfLine& asked_by, std::string_view name,
                                              const std::string& relative, const FolderOfNumber& folder);

/// The keys of all services that section `name` (X.Services) adds. Errors: as above.
Result<std::vector<RegistryKey>> inf_services(const InfFile& inf, std::string_view name,
                                              const std::string& driver_store);

}  // namespace flashline::imaging
