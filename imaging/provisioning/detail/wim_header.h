#pragma once
// The fixed part of a WIM, as far as it is looked at without the library.
// Source: "Windows Imaging File Format (WIM)", Microsoft, 2007.

#include <cstdint>
#include <ctime>
#include <filesystem>
#include <string>
#include <vector>

#include "imaging/core/error.h"

namespace flashline::imaging {

/// A moment in steps of 100 ns since 1601, as two halves.
struct WindowsTime {
  std::uint32_t high = 0;
  std::uint32_t low = 0;
};
WindowsTime windows_time(std::time_t time);

/// Where a part of the file lies, in bytes.
struct WimResource {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  std::uint64_t original_size = 0;
  std::uint8_t flags = 0;
};

struct WimHeader {
  std::uint32_t version = 0;
  std::uint32_t flags = 0;
  std::uint32_t chunk_size = 0;
  std::uint16_t part = 0, parts = 0;
  std::uint32_t images = 0;
  WimResource lookup;  ///< table of all resources
  WimResource xml;
};

/// A WIM of version 1.13 in one part with one image, whose resources lie inside of the file, and whose directory tree
/// is of bearable size. Errors: ppkg_unreadable.
Result<WimHeader> read_wim_header(const std::filesystem::path& path);

/// The XML of the WIM as it is there (UTF-16 with its mark). Errors: ppkg_unreadable.
Result<std::vector<std::byte>> read_wim_xml(const std::filesystem::path& path, const WimHeader& header);

/// Puts `time` for the moment of the last change, and a GUID made of the contents for a random one, so that the same
/// contents are the same bytes. Errors: ppkg_unreadable, ppkg_write.
Status normalise_wim(const std::filesystem::path& path, std::time_t time);

}  // namespace flashline::imaging
