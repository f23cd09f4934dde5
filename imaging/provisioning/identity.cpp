#include "imaging/provisioning/identity.h"

#include <algorithm>
#include <charconv>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/errors/unit.h"

namespace flashline::imaging {
namespace {

constexpr std::size_t most_serial_characters = 64;
constexpr std::size_t most_host_characters = 253;
constexpr std::size_t most_label_characters = 63;
constexpr unsigned most_counter_digits = 18;
constexpr std::uint64_t multicast_bit = std::uint64_t{1} << 40U;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_alphanumeric(char c) { return is_digit(c) || is_letter(c); }

std::vector<unsigned> digits_from_the_right(std::string_view text) {
  std::vector<unsigned> digits;
  for (std::size_t i = text.size(); i > 0; --i) {
    if (is_digit(text[i - 1])) digits.push_back(static_cast<unsigned>(text[i - 1] - '0'));
  }
  return digits;
}

char luhn_digit(std::string_view text) {
  unsigned sum = 0;
  bool doubled = true;
  for (const unsigned digit : digits_from_the_right(text)) {
    const unsigned value = doubled ? digit * 2 : digit;
    sum += value > 9 ? value - 9 : value;
    doubled = !doubled;
  }
  return static_cast<char>('0' + (10 - sum % 10) % 10);
}

char mod11_digit(std::string_view text) {
  unsigned sum = 0;
  unsigned weight = 2;
  for (const unsigned digit : digits_from_the_right(text)) {
    sum += digit * weight;
    weight = weight == 7 ? 2 : weight + 1;
  }
  const unsigned check = (11 - sum % 11) % 11;
  return check == 10 ? 'X' : static_cast<char>('0' + check);
}

std::unexpected<Error> bad_pattern(std::string_view pattern, std::string_view why) {
  return fail(errc::serial_pattern, fmt::format("serial pattern \"{}\": {}", pattern, why));
}

/// The counter for a field such as "n:6" or "n".
Result<std::string> counter_text(std::string_view pattern, std::string_view field, std::uint64_t n) {
  unsigned width = 1;
  if (field.starts_with("n:")) {
    const std::string_view number = field.substr(2);
    const auto [end, bad] = std::from_chars(number.data(), number.data() + number.size(), width);
    const bool whole = bad == std::errc{} && end == number.data() + number.size();
    if (!whole || width == 0 || width > most_counter_digits) return bad_pattern(pattern, "a width is 1 to 18");
  } else if (field != "n") {
    return bad_pattern(pattern, fmt::format("{{{}}} is neither {{n:W}} nor {{c}}", field));
  }
  return fmt::format("{:0{}}", n, width);
}

struct Laid {
  std::string text;                               ///< without the check digit
  std::size_t check_at = std::string_view::npos;  ///< where it goes
};

Result<Laid> lay_out(std::string_view pattern, std::uint64_t n) {
  Laid laid;
  bool counted = false;
  for (std::size_t at = 0; at < pattern.size();) {
    if (pattern[at] == '}') return bad_pattern(pattern, "'}' without '{'");
    if (pattern[at] != '{') {
      laid.text.push_back(pattern[at++]);
      continue;
    }
    const std::size_t end = pattern.find('}', at);
    if (end == std::string_view::npos) return bad_pattern(pattern, "'{' without '}'");
    const std::string_view field = pattern.substr(at + 1, end - at - 1);
    at = end + 1;
    if (field == "c") {
      if (laid.check_at != std::string_view::npos) return bad_pattern(pattern, "{c} stands there twice");
      laid.check_at = laid.text.size();
      continue;
    }
    if (counted) return bad_pattern(pattern, "there is more than one counter");
    counted = true;
    FL_TRY(const std::string counter, counter_text(pattern, field, n));
    laid.text.append(counter);
  }
  if (!counted) return bad_pattern(pattern, "there is no counter {n:W}: every unit would get the same serial");
  return laid;
}

bool is_label(std::string_view label) {
  if (label.empty() || label.size() > most_label_characters) return false;
  if (label.front() == '-' || label.back() == '-') return false;
  return std::ranges::all_of(label, [](char c) { return is_alphanumeric(c) || c == '-'; });
}

}  // namespace

Result<std::string> serial_of(std::string_view pattern, std::uint64_t n, CheckDigit check) {
  FL_TRY(Laid laid, lay_out(pattern, n));
  const bool placed = laid.check_at != std::string_view::npos;
  if (placed && check == CheckDigit::none) return bad_pattern(pattern, "{c} needs a check digit of luhn or mod11");
  if (!placed && check != CheckDigit::none) return bad_pattern(pattern, "the check digit needs its place {c}");
  if (placed) {
    const char digit = check == CheckDigit::luhn ? luhn_digit(laid.text) : mod11_digit(laid.text);
    laid.text.insert(laid.check_at, 1, digit);
  }
  FL_CHECK(check_serial(laid.text));
  return std::move(laid.text);
}

Status check_serial(std::string_view serial) {
  const auto allowed = [](char c) { return is_alphanumeric(c) || std::string_view{"-._:+#"}.contains(c); };
  const bool good = !serial.empty() && serial.size() <= most_serial_characters && is_alphanumeric(serial.front()) &&
                    std::ranges::all_of(serial, allowed);
  if (good) return {};
  return fail(errc::bad_serial, fmt::format("\"{}\" cannot be a serial", serial));
}

Status check_hostname(std::string_view name) {
  const auto bad = fail(errc::bad_hostname, fmt::format("\"{}\" cannot be a host name", name));
  if (name.empty() || name.size() > most_host_characters) return bad;
  for (std::string_view rest = name;;) {
    const std::size_t dot = rest.find('.');
    if (!is_label(rest.substr(0, dot))) return bad;
    if (dot == std::string_view::npos) return {};
    rest.remove_prefix(dot + 1);
  }
}

Result<MacAddress> parse_mac_address(std::string_view text) {
  const auto bad = [&](std::string_view why) { return fail(errc::bad_mac, fmt::format("\"{}\" {}", text, why)); };
  const bool plain = text.size() == 12;
  if (!plain && text.size() != 17) return bad("is not six bytes in hex");
  const std::size_t step = plain ? 2 : 3;
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < 6; ++i) {
    const std::string_view pair = text.substr(i * step, 2);
    std::uint8_t byte = 0;
    const auto [end, error] = std::from_chars(pair.data(), pair.data() + 2, byte, 16);
    if (error != std::errc{} || end != pair.data() + 2) return bad("is not six bytes in hex");
    value = value << 8U | byte;
    if (!plain && i > 0) {
      const char separator = text[i * step - 1];
      if (separator != text[2] || (separator != ':' && separator != '-')) return bad("is not six bytes in hex");
    }
  }
  if (value == 0) return bad("is no address that a board may have");
  if ((value & multicast_bit) != 0) return bad("is a multicast address");
  return MacAddress{value};
}

std::string to_text(MacAddress mac) {
  std::string text;
  for (unsigned shift = 48; shift > 0; shift -= 8) {
    text += fmt::format("{}{:02X}", text.empty() ? "" : ":", mac.value >> (shift - 8) & 0xFFU);
  }
  return text;
}

std::uint64_t blocks_in(const MacBlocks& pool) {
  if (pool.last < pool.first || pool.count == 0) return 0;
  return (pool.last.value - pool.first.value + 1) / pool.count;
}

Result<std::vector<MacAddress>> mac_block(const MacBlocks& pool, std::uint64_t index) {
  if (index >= blocks_in(pool)) {
    return fail(errc::mac_pool_exhausted,
                fmt::format("{} to {} has {} blocks of {}; block {} is needed", to_text(pool.first), to_text(pool.last),
                            blocks_in(pool), pool.count, index + 1));
  }
  std::vector<MacAddress> macs;
  for (std::uint32_t i = 0; i < pool.count; ++i) macs.push_back({pool.first.value + index * pool.count + i});
  return macs;
}

}  // namespace flashline::imaging
