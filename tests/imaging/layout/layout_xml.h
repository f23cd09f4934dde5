#pragma once
// Layouts and platforms as small as they can be, to change one thing at a time.

#include <cstdio>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "imaging/layout/device_layout.h"
#include "imaging/layout/device_platform.h"
#include "imaging/layout/lay_out.h"

namespace flashline::imaging {

inline constexpr std::string_view v1_space = "http://schemas.microsoft.com/embedded/2004/10/ImageUpdate";
inline constexpr std::string_view basic_data = "{ebd0a0a2-b9e5-4433-87c0-68b6b72699c7}";

/// <Name>, <Type> and whatever else as it stands.
inline std::string partition_xml(std::string_view name, std::string_view type, std::string_view rest) {
  return "<Partition><Name>" + std::string{name} + "</Name><Type>" + std::string{type} + "</Type>" + std::string{rest} +
         "</Partition>";
}
inline std::string sectors_xml(std::uint64_t count, std::string_view rest = "") {
  return "<TotalSectors>" + std::to_string(count) + "</TotalSectors>" + std::string{rest};
}

/// Version 1, alignment of one 512-byte sector unless `head` says otherwise, so that numbers stay small.
inline std::string layout_xml(std::string_view partitions,
                              std::string_view head =
                                  "<SectorSize>512</SectorSize>"
                                  "<DefaultPartitionByteAlignment>512</DefaultPartitionByteAlignment>") {
  return "<DeviceLayout xmlns=\"" + std::string{v1_space} + "\">" + std::string{head} + "<Partitions>" +
         std::string{partitions} + "</Partitions></DeviceLayout>";
}
inline std::string layout_v2_xml(std::string_view stores) {
  return "<DeviceLayout xmlns=\"" + std::string{v1_space} +
         "/v2\"><SectorSize>512</SectorSize>"
         "<DefaultPartitionByteAlignment>512</DefaultPartitionByteAlignment>" +
         std::string{stores} + "</DeviceLayout>";
}
inline std::string platform_xml(std::string_view inside) {
  return "<OEMDevicePlatform xmlns=\"" + std::string{v1_space} + "\">" + std::string{inside} + "</OEMDevicePlatform>";
}

inline Result<DeviceLayout> layout_of(std::string_view xml) {
  return parse_device_layout(std::as_bytes(std::span{xml}), "L.xml");
}
inline Result<DevicePlatform> platform_of(std::string_view xml) {
  return parse_device_platform(std::as_bytes(std::span{xml}), "P.xml");
}
/// A platform with a disk of so many sectors.
inline DevicePlatform disk_of(std::uint64_t sectors) {
  return platform_of(platform_xml("<MinSectorCount>" + std::to_string(sectors) +
                                  "</MinSectorCount><DevicePlatformID>*</DevicePlatformID>"))
      .value();
}

/// A layout as lines that a person can compare with a sheet of paper: number, name, first sector, +sectors, ...
inline std::string sheet_of(const StoreLayout& store) {
  const bool gpt = store.style == TableStyle::gpt;
  std::string text;
  const auto add = [&](const std::string& word) { text += " " + word; };
  const auto number = [](std::uint64_t value) { return std::to_string(value); };
  char signature[16];
  std::snprintf(signature, sizeof signature, "0x%08X", store.disk_signature);
  text += "store " + std::string{name_of(store.style)} + " " +
          (gpt ? "{" + to_text(store.disk_guid) + "}" : std::string{signature});
  text += " " + number(store.sectors) + " x " + number(store.sector_size) + ", usable " + number(store.first_usable) +
          ".." + number(store.last_usable);
  if (gpt) text += ", " + number(store.entry_count) + " entries";
  text += "\n";
  if (store.extended) {
    text += "extended " + number(store.extended->first) + " +" + number(store.extended->count) + "\n";
  }
  for (const PlacedPartition& partition : store.partitions) {
    text += number(partition.number) + " " + partition.name + " " + number(partition.place.first) + " +" +
            number(partition.place.count) + " " + to_text(partition.type);
    if (partition.file_system != FileSystemKind::none) add(std::string{name_of(partition.file_system)});
    if (partition.cluster_size != 0) add("cluster=" + number(partition.cluster_size));
    if (partition.bootable) add("active");
    if (partition.required_to_flash) add("required");
    if (!partition.attach_drive_letter) add("noletter");
    if (partition.logical) add("logical");
    if (gpt) add("id=" + to_text(partition.id));
    text += "\n";
  }
  return text;
}

}  // namespace flashline::imaging
