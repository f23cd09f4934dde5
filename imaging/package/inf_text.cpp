#include <array>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/errors/package.h"
#include "imaging/core/unicode.h"
#include "imaging/package/inf_file.h"

namespace flashline::imaging {
namespace {

/// Windows-1252 from 0x80 to 0x9F; 0 where it has nothing. All above is Latin-1.
constexpr std::array<char16_t, 32> windows_1252{0x20AC, 0,      0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021,
                                                0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0,      0x017D, 0,
                                                0,      0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014,
                                                0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0,      0x017E, 0x0178};

bool starts_with(std::span<const std::byte> bytes, unsigned char first, unsigned char second) {
  return bytes.size() >= 2 && bytes[0] == std::byte{first} && bytes[1] == std::byte{second};
}

std::u16string units_of(std::span<const std::byte> bytes, bool big) {
  std::u16string text;
  for (std::size_t at = 0; at + 1 < bytes.size(); at += 2) {
    const auto first = std::to_integer<unsigned>(bytes[at]);
    const auto second = std::to_integer<unsigned>(bytes[at + 1]);
    text.push_back(static_cast<char16_t>(big ? first << 8U | second : second << 8U | first));
  }
  return text;
}

Result<std::string> from_windows_1252(std::string_view text, const std::string& file) {
  std::u16string units;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool special = byte >= 0x80 && byte < 0xA0;
    const char16_t unit = special ? windows_1252[byte - 0x80U] : static_cast<char16_t>(byte);
    if (unit == 0 && special) {
      return fail(errc::inf_syntax, fmt::format("{}: byte 0x{:02X} is neither UTF-8 nor Windows-1252", file, byte));
    }
    units.push_back(unit);
  }
  return utf8_of(units);
}

}  // namespace

Result<std::string> inf_text(std::span<const std::byte> bytes, const std::string& file) {
  const bool little = starts_with(bytes, 0xFF, 0xFE);
  if (little || starts_with(bytes, 0xFE, 0xFF)) {
    if (bytes.size() % 2 != 0) return fail(errc::inf_syntax, file + ": UTF-16 text with an odd number of bytes");
    return utf8_of(units_of(bytes.subspan(2), !little));
  }
  std::string_view text{reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  const bool marked = text.starts_with("\xEF\xBB\xBF");
  if (marked) text.remove_prefix(3);
  if (!first_invalid_utf8(text)) return std::string{text};
  if (marked) return fail(errc::inf_syntax, file + ": not the UTF-8 text that its first bytes say");
  return from_windows_1252(text, file);
}

}  // namespace flashline::imaging
