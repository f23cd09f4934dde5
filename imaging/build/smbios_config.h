#pragma once
// SMBIOS.CFG: what the firmware of some boards says of them to the system. Source: imaging.md section 16.3 and the
// comments of real files.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "imaging/core/error.h"

namespace flashline::imaging {

/// A field that is set: structure type, offset in it (none: a further string), and text or bytes.
struct SmbiosField {
  std::uint8_t type = 0;
  std::optional<std::uint8_t> offset;
  bool is_text = false;
  std::string text;                 ///< without its quotes
  std::vector<std::uint8_t> bytes;  ///< in the order of memory
};

struct SmbiosConfig {
  std::string format;                                ///< "01.01"
  std::vector<std::string> versions;                 ///< of SMBIOS that the offsets are right for
  std::vector<SmbiosField> fields;                   ///< in the order of the file
  std::vector<std::vector<std::uint8_t>> additions;  ///< whole structures, in the order of the file
};

/// Errors: input_open, smbios_config with file, line and column.
Result<SmbiosConfig> read_smbios_config(const std::filesystem::path& path);
/// The same from bytes; `file` is how messages call them.
Result<SmbiosConfig> parse_smbios_config(std::span<const std::byte> bytes, const std::string& file);

}  // namespace flashline::imaging
