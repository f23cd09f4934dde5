#include "imaging/core/unicode.h"

#include <array>
#include <cstdint>

namespace flashline {
namespace {

struct Decoded {
  char32_t value;
  std::size_t length;  ///< bytes; 0: not valid
};

/// Smallest value that needs a sequence of this many bytes; anything below it is an overlong form.
constexpr std::array<char32_t, 5> smallest{0, 0, 0x80, 0x800, 0x10000};

Decoded decode(std::string_view text) {
  const auto lead = static_cast<std::uint8_t>(text[0]);
  if (lead < 0x80) return {lead, 1};
  const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < length) return {0, 0};
  char32_t value = lead & (0xFFU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    const auto next = static_cast<std::uint8_t>(text[i]);
    if ((next & 0xC0U) != 0x80U) return {0, 0};
    value = (value << 6U) | (next & 0x3FU);
  }
  const bool surrogate = value >= 0xD800 && value <= 0xDFFF;
  if (value < smallest[length] || value > 0x10FFFF || surrogate) return {0, 0};
  return {value, length};
}

void append_utf8(std::string& out, char32_t value) {
  const auto put = [&](char32_t byte) { out.push_back(static_cast<char>(byte)); };
  const auto tail = [&](unsigned shift) { put(0x80U | ((value >> shift) & 0x3FU)); };
  if (value < 0x80) return put(value);
  if (value < 0x800) return put(0xC0U | (value >> 6U)), tail(0);
  if (value < 0x10000) return put(0xE0U | (value >> 12U)), tail(6), tail(0);
  put(0xF0U | (value >> 18U)), tail(12), tail(6), tail(0);
}

}  // namespace

std::optional<std::size_t> first_invalid_utf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const Decoded next = decode(text.substr(at));
    if (next.length == 0) return at;
    at += next.length;
  }
  return std::nullopt;
}

std::optional<std::u16string> utf16_of(std::string_view text) {
  std::u16string out;
  while (!text.empty()) {
    const Decoded next = decode(text);
    if (next.length == 0) return std::nullopt;
    text.remove_prefix(next.length);
    if (next.value < 0x10000) {
      out.push_back(static_cast<char16_t>(next.value));
    } else {
      out.push_back(static_cast<char16_t>(0xD7C0U + (next.value >> 10U)));
      out.push_back(static_cast<char16_t>(0xDC00U + (next.value & 0x3FFU)));
    }
  }
  return out;
}

std::string utf8_of(std::u16string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char32_t unit = text[i];
    const bool high = unit >= 0xD800 && unit <= 0xDBFF;
    const bool low_follows = i + 1 < text.size() && text[i + 1] >= 0xDC00 && text[i + 1] <= 0xDFFF;
    if (high && low_follows) {
      append_utf8(out, 0x10000U + ((unit - 0xD800U) << 10U) + (char32_t{text[++i]} - 0xDC00U));
    } else {
      append_utf8(out, unit >= 0xD800 && unit <= 0xDFFF ? U'\uFFFD' : unit);
    }
  }
  return out;
}

}  // namespace flashline
