#include "transport/rpiboot/boot_metadata.h"

#include <array>
#include <charconv>
#include <cstdint>
#include <ranges>

#include "transport/usb/descriptors.h"

namespace flashline::transport {
namespace {

constexpr std::size_t most_characters = 36;

std::optional<std::uint32_t> hex_word(std::string_view text) {
  if (text.starts_with("0x")) text.remove_prefix(2);
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// A digit to base 40: 4 to 13 are '0' to '9', 14 to 39 'A' to 'Z'; those below pad.
void add_digit(std::string& text, std::uint32_t digit) {
  if (digit < 4 || text.size() == most_characters) return;
  if (digit < 14) {
    text += static_cast<char>('0' + (digit - 4));
  } else {
    text += digit < 40 ? static_cast<char>('A' + (digit - 14)) : '?';
  }
}

void add_half(std::string& text, std::uint32_t half) {
  if (half == 0) return;
  const std::uint32_t rest = half - 1;
  for (const std::uint32_t digit : {rest / 1600, rest % 1600 / 40, rest % 40}) add_digit(text, digit);
}

}  // namespace

std::optional<std::string> decode_factory_uuid(std::string_view words) {
  std::string text;
  for (const auto part : words | std::views::split('_')) {
    const auto word = hex_word(std::string_view{part});
    if (!word) return std::nullopt;
    if (*word == 0 || text.size() == most_characters) break;
    add_half(text, *word & 0xffffU);
    add_half(text, *word >> 16U);
  }
  return text;
}

std::optional<std::pair<std::string, std::string>> read_metadata_name(std::string_view name) {
  if (!name.starts_with('*')) return std::nullopt;
  name.remove_prefix(1);
  const auto star = name.find('*');
  if (star == 0 || star == std::string_view::npos) return std::nullopt;
  const std::string_view key = name.substr(0, star);
  const std::string_view value = name.substr(star + 1);
  const auto decoded = key == "FACTORY_UUID" ? decode_factory_uuid(value) : std::nullopt;
  return std::pair{shown_string(key), decoded ? *decoded : shown_string(value)};
}

}  // namespace flashline::transport
