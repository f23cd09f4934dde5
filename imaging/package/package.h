#pragma once
// A package as a value: what a wm.xml becomes, what a cab holds, what an image takes in.

#include <compare>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "imaging/core/digest.h"
#include "imaging/core/error.h"

namespace flashline::imaging {

/// Four 16-bit parts, compared one by one.
struct Version {
  std::uint16_t major = 0, minor = 0, qfe = 0, build = 0;
  auto operator<=>(const Version&) const = default;
};
/// "10.0.17763.1". Errors: package_version.
Result<Version> parse_version(std::string_view text);
std::string to_text(const Version& version);

enum class CpuType : std::uint8_t { x86, amd64, arm, arm64 };
/// "x86", "amd64", "arm", "arm64"; "x64" is read as amd64, any case. nullopt: none of them.
std::optional<CpuType> cpu_of(std::string_view text);
std::string_view name_of(CpuType cpu);

enum class ReleaseType : std::uint8_t { production, test };
/// "Production", "Test".
std::string_view name_of(ReleaseType type);
enum class OwnerType : std::uint8_t { microsoft, silicon_vendor, oem, mobile_operator };
/// "Microsoft", "SiliconVendor", "OEM", "MobileOperator".
std::string_view name_of(OwnerType type);

/// Where a file's bytes are: on this machine, or here.
using PayloadSource = std::variant<std::filesystem::path, std::vector<std::byte>>;

/// Windows file attribute bits, as NTFS and FAT store them.
namespace file_attribute {
inline constexpr std::uint32_t readonly = 0x1, hidden = 0x2, system = 0x4, archive = 0x20, normal = 0x80,
                               compressed = 0x800;
}

struct PackageFile {
  std::string device_path;  ///< from the partition's root: "\Windows\System32\a.dll"
  std::uint32_t attributes = file_attribute::archive;
  PayloadSource source;
  std::uint64_t size = 0;  ///< in bytes
  Sha256 digest{};         ///< of the bytes
};

struct PackageDirectory {
  std::string device_path;
  std::uint32_t attributes = 0;
};

/// Numbers of the registry's value types.
enum class RegistryType : std::uint32_t {
  none = 0,
  sz = 1,
  expand_sz = 2,
  binary = 3,
  dword = 4,
  dword_big_endian = 5,
  multi_sz = 7,
  qword = 11
};

struct RegistryValue {
  std::string name;  ///< UTF-8; empty: the key's default value
  RegistryType type = RegistryType::sz;
  std::vector<std::byte> data;  ///< as a hive stores it
  /// Of multi_sz: these parts join those that other packages set, instead of replacing them (a svchost group).
  bool append = false;
};

/// One key and what is set in it. No values: an empty key.
struct RegistryKey {
  std::string path;  ///< "HKEY_LOCAL_MACHINE\SYSTEM\ControlSet001\Services\x", UTF-8; also HKEY_CLASSES_ROOT ->
                     ///< HKEY_LOCAL_MACHINE\SOFTWARE\Classes, HKEY_USERS\.DEFAULT, HKEY_CURRENT_USER
  std::vector<RegistryValue> values;
};

/// Who a package is.
struct PackageIdentity {
  std::string owner, component, sub_component;  ///< "Contoso", "RPi", "BootFirmware"
  std::string culture;                          ///< empty: neutral
  std::string resolution;                       ///< "1024x768"; empty: any
  Version version;
  CpuType cpu = CpuType::arm;
  OwnerType owner_type = OwnerType::oem;
  ReleaseType release_type = ReleaseType::production;
  std::string partition = "MainOS";
  std::string name;  ///< of the file without ".cab": "Contoso.RPi.BootFirmware", "..._Lang_en-US"
};

struct Package {
  PackageIdentity identity;
  std::vector<PackageFile> files;
  std::vector<PackageDirectory> directories;
  std::vector<RegistryKey> registry;
  /// binaryPartition: the bytes of the whole partition; then nothing else. Its device path is only its name.
  std::optional<PackageFile> raw_image;
  /// A BootConfigurationDatabase xml, applied to the boot store. Its device path is only its name.
  std::optional<PackageFile> bcd;
  /// Feature identifier packages: what they stand for, as lines of text; empty otherwise.
  std::vector<std::string> members;
};

}  // namespace flashline::imaging
