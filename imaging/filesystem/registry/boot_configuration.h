#pragma once
// Boot configuration files (*.BCD.xml), read and checked; what depends on the disk is looked up when it is known.
// Source: imaging.md section 13.

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "imaging/core/error.h"
#include "imaging/core/xml_document.h"
#include "imaging/layout/device_layout.h"

namespace flashline::imaging {

/// A partition to start from, or a file on it that is loaded into memory first.
struct BootDevice {
  TableStyle style = TableStyle::gpt;
  Guid disk{};                       ///< GPT
  std::uint32_t disk_signature = 0;  ///< MBR
  std::string partition;             ///< its name; empty when it is given by id
  std::optional<Guid> partition_id;  ///< GPT
  std::string ramdisk_file;          ///< path on the partition; empty: no ramdisk
  bool ramdisk_options = false;      ///< as the store's "Ramdisk Options" say
};

/// "{9dea862c-5cdd-4e70-acc1-f32b344d4795}", lower case.
struct BootObjectId {
  std::string text;
};

/// Its alternative fits the setting's format.
using BootValue = std::variant<BootDevice, std::string, BootObjectId, std::vector<BootObjectId>, std::uint64_t, bool,
                               std::vector<std::uint64_t>>;

struct BootElement {
  std::uint32_t setting = 0;
  BootValue value;
  std::string where;  ///< file:line:column
};

struct BootObject {
  BootObjectId id;
  std::optional<std::uint32_t> type;  ///< nullopt: neither known nor given
  bool sets_type = true;              ///< false: only when the store does not have it yet
  std::vector<BootElement> elements;
  std::string where;
};

struct BootConfiguration {
  std::vector<BootObject> objects;  ///< in their order; one may come twice
};

/// Errors, with the place: boot_root, boot_name (an object or a setting that nobody knows), boot_value (of another
/// kind than the setting, or no value of its kind), xml_unknown, xml_missing, xml_value.
Result<BootConfiguration> parse_boot_configuration(const XmlDocument& document);

}  // namespace flashline::imaging
