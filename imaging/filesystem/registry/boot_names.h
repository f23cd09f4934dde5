#pragma once
// What boot configuration files call objects and settings, and the numbers that stand for them in a boot store.

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace flashline::imaging {

struct KnownBootObject {
  std::string_view name;
  std::string_view id;  ///< "{9dea862c-...}", lower case
  std::uint32_t type;   ///< what `Description\Type` says
};
/// By name, in any case, or nullptr.
const KnownBootObject* find_boot_object(std::string_view name);
/// By its id in braces and lower case, or nullptr.
const KnownBootObject* boot_object_of(std::string_view id);
std::vector<std::string_view> boot_object_names();

/// What a setting holds: the second hexadecimal digit of its number. The first one is its class.
enum class BootFormat : std::uint8_t { device = 1, text, object, objects, integer, boolean, integers };
/// nullopt: the number has a class or a format that no setting has.
std::optional<BootFormat> boot_format(std::uint32_t setting);

/// The number of a setting, by its name in any case.
std::optional<std::uint32_t> find_boot_setting(std::string_view name);
std::vector<std::string_view> boot_setting_names();

/// Options of devices that are loaded from a WIM into memory.
inline constexpr std::string_view ramdisk_options_id = "{ae5534e0-a924-466c-b836-758539a3ee3a}";

}  // namespace flashline::imaging
