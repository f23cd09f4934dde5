// AddService directives of an INF: the keys of its services.

#include <algorithm>
#include <array>
#include <iterator>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/errors/package.h"
#include "imaging/package/inf_driver.h"
#include "imaging/package/registry_path.h"
#include "imaging/package/registry_value.h"
#include "imaging/package/service_keys.h"
#include "imaging/workspace/input_xml.h"

namespace flashline::imaging {
namespace {

constexpr std::uint32_t driver_types = 0xF;  ///< bits of ServiceType that mean kernel and file system drivers

/// Directives of a service's section that the device itself does when it installs the INF.
constexpr std::array<std::string_view, 6> left_to_device{"Security", "AddTrigger",     "DelReg",
                                                         "BitReg",   "FailureActions", "UserInstances"};

class ServiceReader {
 public:
  ServiceReader(const InfFile& inf, const std::string& driver_store)
      : inf_{inf}, driver_store_{driver_store}, drive_folder_{[this](std::string_view number) {
          return inf_folder(number, driver_store_, FolderForm::drive);
        }} {}
  ServiceReader(const ServiceReader&) = delete;
  ServiceReader& operator=(const ServiceReader&) = delete;

  /// AddService = name, flags, section[, event log section[, log, event name]].
  Status add(const InfLine& line) {
    const std::string name = inf_.text(line, 0);
    const std::string section = inf_.text(line, 2);
    // A device without a service of its own says so by an empty name.
    if (name.empty()) return {};
    if (section.empty()) return inf_.error(errc::inf_section, line, "AddService names no section");
    auto path = registry_path(fmt::format("{}\\{}", services_key, name));
    if (!path || name.contains('\\')) {
      return inf_.error(errc::inf_value, line, fmt::format("'{}' is no name of a service", name));
    }
    FL_CHECK(inf_.number(line, 1));
    if (inf_.section(section) == nullptr) {
      return inf_.error(errc::inf_section, line, fmt::format("there is no [{}]", section));
    }
    FL_CHECK(add_service(line, section, *path));
    if (inf_.text(line, 3).empty()) return {};
    const std::string log = line.value(4).empty() ? "System" : inf_.text(line, 4);
    const std::string source = line.value(5).empty() ? name : inf_.text(line, 5);
    return add_registry(*inf_.find(section, "ServiceType"), inf_.text(line, 3),
                        fmt::format("{}\\EventLog\\{}\\{}", services_key, log, source));
  }

  std::vector<RegistryKey> keys;

 private:
  Status add_service(const InfLine& asked_by, const std::string& section, const std::string& path) {
    RegistryKey key{path, {}};
    FL_TRY(const std::uint32_t type, required_number(asked_by, section, "ServiceType"));
    FL_TRY(const std::uint32_t start, required_number(asked_by, section, "StartType"));
    FL_TRY(const std::uint32_t control, required_number(asked_by, section, "ErrorControl"));
    key.values = {dword_value("Type", type), dword_value("Start", start), dword_value("ErrorControl", control)};
    if (inf_.find(section, "ServiceBinary") == nullptr) {
      return inf_.error(errc::inf_section, asked_by, fmt::format("[{}] has no ServiceBinary", section));
    }
    std::vector<const InfLine*> registries;
    for (const InfLine& line : *inf_.section(section)) {
      if (same_word(line.key, "AddReg")) {
        registries.push_back(&line);
      } else {
        FL_CHECK(add_directive(line, type, key));
      }
    }
    keys.push_back(std::move(key));
    for (const InfLine* line : registries) {
      for (std::size_t i = 0; i < line->values.size(); ++i) {
        FL_CHECK(add_registry(*line, inf_.text(*line, i), path));
      }
    }
    return {};
  }

  Status add_registry(const InfLine& asked_by, const std::string& section, const std::string& path) {
    FL_TRY(auto added, inf_registry(inf_, asked_by, section, path, drive_folder_));
    std::ranges::move(added, std::back_inserter(keys));
    return {};
  }

  Result<std::uint32_t> required_number(const InfLine& asked_by, const std::string& section, const char* key) const {
    const InfLine* const line = inf_.find(section, key);
    if (line != nullptr && !line->values.empty()) return inf_.number(*line, 0);
    return inf_.error(errc::inf_section, asked_by, fmt::format("[{}] has no {}", section, key));
  }

  Status add_directive(const InfLine& line, std::uint32_t type, RegistryKey& key) const {
    const auto is = [&](std::string_view name) { return same_word(line.key, name); };
    if (is("ServiceType") || is("StartType") || is("ErrorControl")) return {};
    if (is("ServiceBinary")) return add_binary(line, type, key);
    if (is("DisplayName")) return add_text(line, "DisplayName", key);
    if (is("Description")) return add_text(line, "Description", key);
    if (is("StartName")) return add_text(line, "ObjectName", key);
    if (is("LoadOrderGroup")) return add_text(line, "Group", key);
    if (is("Dependencies")) return add_dependencies(line, key);
    if (is("DelayedAutoStart")) return add_number(line, "DelayedAutostart", key);
    if (is("ServiceSidType")) return add_number(line, "ServiceSidType", key);
    if (is("RequiredPrivileges")) return add_list(line, "RequiredPrivileges", key);
    if (std::ranges::any_of(left_to_device, is)) return {};
    return inf_.error(errc::inf_unsupported, line, fmt::format("'{}' of a service", line.key));
  }

  Status add_text(const InfLine& line, std::string_view name, RegistryKey& key) const {
    key.values.push_back(text_value(name, inf_.text(line, 0)));
    return {};
  }

  Status add_number(const InfLine& line, std::string_view name, RegistryKey& key) const {
    FL_TRY(const std::uint32_t number, inf_.number(line, 0));
    key.values.push_back(dword_value(name, number));
    return {};
  }

  Status add_list(const InfLine& line, std::string_view name, RegistryKey& key) const {
    std::vector<std::string> parts;
    for (std::size_t i = 0; i < line.values.size(); ++i) {
      std::string part = inf_.text(line, i);
      if (!part.empty()) parts.push_back(std::move(part));
    }
    key.values.push_back(list_value(name, parts));
    return {};
  }

  /// Drivers are found by the kernel, programs by a path that the service controller expands.
  Status add_binary(const InfLine& line, std::uint32_t type, RegistryKey& key) const {
    const FolderForm form = (type & driver_types) != 0 ? FolderForm::kernel : FolderForm::expandable;
    const auto folder = [&](std::string_view number) { return inf_folder(number, driver_store_, form); };
    key.values.push_back(text_value("ImagePath", inf_.text(line.value(0), folder), RegistryType::expand_sz));
    return {};
  }

  /// Names of services, and of groups behind a '+'.
  Status add_dependencies(const InfLine& line, RegistryKey& key) const {
    std::vector<std::string> services;
    std::vector<std::string> groups;
    for (std::size_t i = 0; i < line.values.size(); ++i) {
      const std::string name = inf_.text(line, i);
      if (name.starts_with('+')) {
        groups.push_back(name.substr(1));
      } else if (!name.empty()) {
        services.push_back(name);
      }
    }
    if (!services.empty()) key.values.push_back(list_value("DependOnService", services));
    if (!groups.empty()) key.values.push_back(list_value("DependOnGroup", groups));
    return {};
  }

  const InfFile& inf_;
  const std::string& driver_store_;
  FolderOfNumber drive_folder_;
};

}  // namespace

Result<std::vector<RegistryKey>> inf_services(const InfFile& inf, std::string_view name,
                                              const std::string& driver_store) {
  const auto* const lines = inf.section(name);
  if (lines == nullptr) return std::vector<RegistryKey>{};
  ServiceReader reader{inf, driver_store};
  for (const InfLine& line : *lines) {
    if (same_word(line.key, "AddService")) FL_CHECK(reader.add(line));
  }
  return std::move(reader.keys);
}

}  // namespace flashline::imaging
