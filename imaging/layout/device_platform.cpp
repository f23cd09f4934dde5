#include "imaging/layout/device_platform.h"

#include <algorithm>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/errors/build.h"
#include "imaging/core/errors/layout.h"
#include "imaging/layout/detail/element_fields.h"
#include "imaging/workspace/input_xml.h"

namespace flashline::imaging {
namespace {

constexpr std::string_view image_update = "http://schemas.microsoft.com/embedded/2004/10/ImageUpdate";
/// All ids with a NUL behind each have to fit the field of an FFU's store header.
constexpr std::size_t max_ids_length = 191;

bool is_printable(std::string_view id) {
  return std::ranges::all_of(id, [](char c) { return c >= ' ' && c <= '~'; });
}

/// Adds the text of `element`. Errors: platform_ids.
Status add_id(DevicePlatform& platform, const XmlDocument& document, const XmlElement& element) {
  const std::string id{trimmed(element.text)};
  const std::size_t at = id.empty() ? element.offset : element.text_offset;
  if (id.empty() || !is_printable(id)) return document.error(errc::platform_ids, at, fmt::format("the id '{}'", id));
  std::size_t length = id.size() + 1;
  for (const std::string& other : platform.ids) {
    if (same_word(other, id)) return document.error(errc::layout_repeated, at, fmt::format("the id '{}' twice", id));
    length += other.size() + 1;
  }
  if (length > max_ids_length) {
    return document.error(errc::platform_ids, at, fmt::format("ids of {} characters, {} fit", length, max_ids_length));
  }
  platform.ids.push_back(id);
  return {};
}

Status read_ids(DevicePlatform& platform, const ElementFields& fields) {
  const XmlElement* const list = find_child(fields.element(), "DevicePlatformIDs");
  const XmlElement* const single = find_child(fields.element(), "DevicePlatformID");
  if ((list == nullptr) == (single == nullptr)) {
    const auto* const what = list == nullptr ? "no platform id" : "DevicePlatformIDs and DevicePlatformID";
    return fields.error(errc::platform_ids, "DevicePlatformID", what);
  }
  if (single != nullptr) return add_id(platform, fields.document(), *single);
  FL_CHECK(check_known(fields.document(), *list, {}, {"ID"}));
  for (const XmlElement& id : list->children) FL_CHECK(add_id(platform, fields.document(), id));
  if (platform.ids.empty()) return fields.error(errc::platform_ids, "DevicePlatformIDs", "no platform id");
  return {};
}

Status read_compressed(DevicePlatform& platform, const ElementFields& fields) {
  const XmlElement* const list = find_child(fields.element(), "CompressedPartitions");
  if (list == nullptr) return {};
  FL_CHECK(check_known(fields.document(), *list, {}, {"Name"}));
  for (const XmlElement& name : list->children) {
    if (!same_word(trimmed(name.text), "MainOS")) {
      return fields.document().error(errc::platform_compressed, name.offset,
                                     fmt::format("partition '{}'", trimmed(name.text)));
    }
    platform.compressed_main_os = true;
  }
  return {};
}

Result<DevicePlatform> to_platform(const XmlDocument& document) {
  FL_CHECK(check_root(document, "OEMDevicePlatform", {image_update}));
  const ElementFields fields{document, document.root};
  FL_CHECK(fields.only({"MinSectorCount", "DevicePlatformIDs", "DevicePlatformID", "CompressedPartitions",
                        "AdditionalMainOSFreeSectorsRequest", "MainOSRTCDataReservedSectors"}));
  DevicePlatform platform{.file = document.file, .ids = {}, .where = fields.where("MinSectorCount")};
  FL_CHECK(fields.required("MinSectorCount"));
  FL_TRY(const auto sectors, fields.number("MinSectorCount"));
  if (sectors.value_or(0) == 0) return fields.error(errc::platform_sectors, "MinSectorCount", "a disk of no sectors");
  platform.min_sector_count = *sectors;
  FL_CHECK(read_ids(platform, fields));
  FL_CHECK(read_compressed(platform, fields));
  FL_TRY(const auto additional, fields.number("AdditionalMainOSFreeSectorsRequest"));
  platform.additional_main_os_free_sectors = additional.value_or(0);
  FL_TRY(const auto reserved, fields.number("MainOSRTCDataReservedSectors"));
  platform.main_os_rtc_sectors = reserved.value_or(0);
  return platform;
}

}  // namespace

Result<DevicePlatform> read_device_platform(const std::filesystem::path& path) {
  FL_TRY(const XmlDocument document, read_input_xml(path));
  return to_platform(document);
}

Result<DevicePlatform> parse_device_platform(std::span<const std::byte> bytes, std::string file) {
  FL_TRY(const XmlDocument document, parse_input_xml(bytes, std::move(file)));
  return to_platform(document);
}

}  // namespace flashline::imaging
