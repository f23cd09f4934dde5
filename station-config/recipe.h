#pragma once
// recipe.xml as plain structs: what is done to each unit of a batch.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "imaging/core/error.h"
#include "station-config/station.h"

namespace flashline::config {

/// How a check digit is made of the serial's digits.
enum class CheckDigit : std::uint8_t { none, luhn, mod11 };

/// A piece of a serial pattern.
struct PatternPart {
  enum class Kind : std::uint8_t { literal, counter, check_digit };
  Kind kind = Kind::literal;
  std::string text;         ///< literal
  std::uint32_t width = 0;  ///< counter: at least this many digits, zero padded
  bool operator==(const PatternPart&) const = default;
};

/// Exactly one counter; a check digit exactly when `check` is not none.
struct SerialRule {
  std::string pattern;             ///< as written: "FL-{n:6}{c}"
  std::vector<PatternPart> parts;  ///< the same, taken apart
  std::uint64_t first = 1;
  CheckDigit check = CheckDigit::none;
};

/// Addresses in blocks of `count` a unit; 48-bit values, first <= last, at least one block fits.
struct MacPool {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  std::uint32_t count = 1;
};

/// A file that is placed into a FAT partition of every board.
struct OverlayFile {
  std::string partition;                ///< number (1-based), GPT name, or FAT volume label
  std::string path;                     ///< absolute inside the partition, '/' between names
  std::string text;                     ///< template with ${fields}
  std::filesystem::path template_file;  ///< where `text` came from, absolute; empty: inline
  std::string where;                    ///< file:line:column, for errors found later
};

/// What a recipe overrides of the station's way of writing.
struct WriteRule {
  std::optional<StalePolicy> stale;
  std::optional<bool> verify;
  std::optional<bool> fit_gpt;
  bool probe = false;  ///< prove each medium's size before it is written
};

struct Recipe {
  std::string name;
  std::optional<SerialRule> serial;  ///< none: serials come from a unit list
  std::optional<MacPool> macs;
  std::optional<std::string> hostname;  ///< template with ${fields}
  std::vector<OverlayFile> overlay;
  WriteRule write;
};

/// Reads recipe.xml text; template files are named, not read. Relative paths are taken from the folder of `file`.
/// Errors: FL-CFG codes, each with file:line:column.
Result<Recipe> parse_recipe(std::string_view xml, const std::filesystem::path& file);

/// The same from a file, with template files read into `text`. Errors also: config_open, config_too_large,
/// config_template.
Result<Recipe> load_recipe(const std::filesystem::path& file);

/// Takes "FL-{n:6}{c}" apart; nullopt with the reason in `why` when it is not a pattern.
std::optional<std::vector<PatternPart>> parse_serial_pattern(std::string_view pattern, std::string& why);

/// 48-bit value of "02:00:5E:10:00:00" (or with '-'); nullopt when it is none.
std::optional<std::uint64_t> parse_mac(std::string_view text);

}  // namespace flashline::config
