#pragma once
// OEMDevicePlatform.xml: for which boards an image is, and how small their disk may be. Source: imaging.md section 11.

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "imaging/core/error.h"

namespace flashline::imaging {

struct DevicePlatform {
  std::string file;                    ///< as the user named it
  std::uint64_t min_sector_count = 0;  ///< of the smallest disk, which is also the image's size
  std::vector<std::string> ids;        ///< at least one; "*": any board
  bool compressed_main_os = false;
  std::uint64_t additional_main_os_free_sectors = 0;
  std::uint64_t main_os_rtc_sectors = 0;  ///< reserved in MainOS for data of the real time clock
  std::string where;                      ///< "file:line:column" of MinSectorCount
};

/// Errors: FL-LAY codes and those of read_input_xml and check_known, with file, line and column.
Result<DevicePlatform> read_device_platform(const std::filesystem::path& path);
/// The same from bytes; `file` is how messages call them.
Result<DevicePlatform> parse_device_platform(std::span<const std::byte> bytes, std::string file);

}  // namespace flashline::imaging
