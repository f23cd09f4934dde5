#include "imaging/filesystem/registry/offline_registry.h"

#include <algorithm>
#include <array>
#include <optional>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/errors/filesystem.h"
#include "imaging/filesystem/registry/build_hive.h"
#include "imaging/filesystem/registry/read_hive.h"
#include "imaging/workspace/input_xml.h"

namespace flashline::imaging {
namespace {

constexpr std::string_view builder = "flashline";
constexpr unsigned max_control_set = 999;

/// What `path` goes on with when it begins with `prefix` and ends or has a backslash there; case aside.
std::optional<std::string_view> below(std::string_view path, std::string_view prefix) {
  if (!same_word(path.substr(0, prefix.size()), prefix)) return std::nullopt;
  path.remove_prefix(prefix.size());
  if (!path.empty() && path[0] != '\\') return std::nullopt;
  return path.empty() ? path : path.substr(1);
}

struct Root {
  std::string_view path;
  Hive hive;
  std::string_view key;  ///< put before what follows
};
constexpr std::array roots{
    Root{R"(HKEY_LOCAL_MACHINE\SYSTEM)", Hive::system, ""},
    Root{R"(HKEY_LOCAL_MACHINE\SOFTWARE)", Hive::software, ""},
    Root{R"(HKEY_LOCAL_MACHINE\SAM)", Hive::sam, ""},
    Root{R"(HKEY_LOCAL_MACHINE\SECURITY)", Hive::security, ""},
    Root{R"(HKEY_LOCAL_MACHINE\DRIVERS)", Hive::drivers, ""},
    Root{R"(HKEY_LOCAL_MACHINE\BCD)", Hive::boot, ""},
    Root{R"(HKEY_LOCAL_MACHINE\BCD00000000)", Hive::boot, ""},
    Root{R"(HKEY_LOCAL_MACHINE\BCD00000001)", Hive::boot, ""},
    Root{R"(HKEY_CLASSES_ROOT)", Hive::software, "Classes"},
    Root{R"(HKEY_USERS\.DEFAULT)", Hive::default_user, ""},
    Root{R"(HKEY_CURRENT_USER)", Hive::user, ""},
};
constexpr std::array<std::pair<std::string_view, std::string_view>, 4> short_names{{{"HKLM", "HKEY_LOCAL_MACHINE"},
                                                                                    {"HKCR", "HKEY_CLASSES_ROOT"},
                                                                                    {"HKU", "HKEY_USERS"},
                                                                                    {"HKCU", "HKEY_CURRENT_USER"}}};

std::string with_long_name(std::string_view path) {
  for (const auto& [abbreviation, name] : short_names) {
    const auto rest = below(path, abbreviation);
    if (rest) return rest->empty() ? std::string{name} : fmt::format("{}\\{}", name, *rest);
  }
  return std::string{path};
}

std::string joined(std::string_view above, std::string_view name) {
  return fmt::format("{}{}{}", above, above.empty() || name.empty() ? "" : "\\", name);
}

RegistryValue number(std::string name, unsigned value) {
  std::vector<std::byte> data;
  for (unsigned shift = 0; shift < 32; shift += 8) data.push_back(static_cast<std::byte>(value >> shift & 0xFFU));
  return {std::move(name), RegistryType::dword, std::move(data)};
}

/// The control set that an existing SYSTEM hive is started with.
unsigned current_control_set(const RegistryTree& system) {
  const TreeValue* const current = system.find("Select", "Current");
  if (current == nullptr || current->type != RegistryType::dword || current->data.size() != 4) return 1;
  unsigned set = 0;
  for (std::size_t i = 0; i < 4; ++i) set |= std::to_integer<unsigned>(current->data[i]) << (8 * i);
  return set >= 1 && set <= max_control_set ? set : 1;
}

}  // namespace

HiveFile file_of(Hive hive) {
  switch (hive) {
    case Hive::system:
      return {"SYSTEM", "MainOS", R"(\Windows\System32\config\SYSTEM)"};
    case Hive::software:
      return {"SOFTWARE", "MainOS", R"(\Windows\System32\config\SOFTWARE)"};
    case Hive::sam:
      return {"SAM", "MainOS", R"(\Windows\System32\config\SAM)"};
    case Hive::security:
      return {"SECURITY", "MainOS", R"(\Windows\System32\config\SECURITY)"};
    case Hive::drivers:
      return {"DRIVERS", "MainOS", R"(\Windows\System32\config\DRIVERS)"};
    case Hive::default_user:
      return {"DEFAULT", "MainOS", R"(\Windows\System32\config\DEFAULT)"};
    case Hive::user:
      return {"NTUSER.DAT", "MainOS", R"(\Users\Default\NTUSER.DAT)"};
    case Hive::boot:
      return {"BCD", "EFIESP", R"(\EFI\Microsoft\Boot\BCD)"};
  }
  return {};
}

Result<HivePlace> hive_place(std::string_view path, unsigned control_set) {
  const std::string full = with_long_name(path);
  for (const Root& root : roots) {
    const auto rest = below(full, root.path);
    if (!rest) continue;
    const auto running = root.hive == Hive::system ? below(*rest, "CurrentControlSet") : std::nullopt;
    if (running) return HivePlace{root.hive, joined(fmt::format("ControlSet{:03}", control_set), *running)};
    return HivePlace{root.hive, joined(root.key, *rest)};
  }
  return fail(errc::hive_unknown, fmt::format("key '{}'", path));
}

Status OfflineRegistry::adopt(Hive hive, std::span<const std::byte> bytes, std::string_view writer) {
  if (trees_.contains(hive)) {
    return fail(errc::hive_twice, fmt::format("{} brings {}", writer, file_of(hive).device_path));
  }
  auto tree = read_hive(bytes, writer);
  if (!tree) return std::unexpected{in_context(file_of(hive).device_path, std::move(tree.error()))};
  if (hive == Hive::system) control_set_ = current_control_set(*tree);
  trees_.emplace(hive, std::move(*tree));
  return {};
}

RegistryTree& OfflineRegistry::tree(Hive hive) {
  const bool secret = hive == Hive::sam || hive == Hive::security;
  return trees_.try_emplace(hive, secret ? KeyReaders::administrators : KeyReaders::everybody).first->second;
}

Status OfflineRegistry::merge(std::span<const RegistryKey> keys, std::string_view writer) {
  for (const RegistryKey& key : keys) {
    const auto place = hive_place(key.path, control_set_);
    if (!place) return std::unexpected{in_context(writer, place.error())};
    const Status merged = tree(place->hive).merge(place->key, key.values, writer);
    if (!merged) return std::unexpected{in_context(writer, merged.error())};
  }
  return {};
}

Status OfflineRegistry::select_control_set() {
  const auto system = trees_.find(Hive::system);
  if (system == trees_.end()) return {};
  for (const std::string_view name : {"Current", "Default", "LastKnownGood", "Failed"}) {
    if (system->second.find("Select", name) != nullptr) continue;
    const std::array value{number(std::string{name}, name == "Failed" ? 0U : control_set_)};
    FL_CHECK(system->second.merge("Select", value, builder));
  }
  return {};
}

Result<std::vector<OfflineRegistry::File>> OfflineRegistry::build(std::time_t time) {
  FL_CHECK(select_control_set());
  std::vector<File> files;
  for (const auto& [hive, tree] : trees_) {
    const HiveFile place = file_of(hive);
    FL_TRY(auto bytes, build_hive(tree, place.name, time));
    files.push_back({place, std::move(bytes)});
  }
  return files;
}

}  // namespace flashline::imaging
