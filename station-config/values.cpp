#include "station-config/values.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

namespace flashline::config {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

constexpr std::array size_units{Unit{"", 1},
                                Unit{"B", 1},
                                Unit{"kB", 1000},
                                Unit{"MB", 1000000},
                                Unit{"GB", 1000000000},
                                Unit{"TB", 1000000000000},
                                Unit{"KiB", 1 << 10},
                                Unit{"MiB", 1 << 20},
                                Unit{"GiB", 1 << 30},
                                Unit{"TiB", std::uint64_t{1} << 40}};

std::optional<int> hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return std::nullopt;
}

bool is_letter_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

/// The number at `at` of a text whose form was checked.
int digits(std::string_view text, std::size_t at, std::size_t count) {
  int value = 0;
  for (const char c : text.substr(at, count)) value = value * 10 + (c - '0');
  return value;
}

bool looks_like(std::string_view text, std::string_view form) {
  if (text.size() != form.size()) return false;
  for (std::size_t i = 0; i < form.size(); ++i) {
    const bool fits = form[i] == '0' ? text[i] >= '0' && text[i] <= '9' : text[i] == form[i];
    if (!fits) return false;
  }
  return true;
}

}  // namespace

std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
  const std::size_t unit_at = text.find_first_not_of("0123456789");
  const std::string_view unit = unit_at == std::string_view::npos ? "" : text.substr(unit_at);
  const auto number = parse_number(text.substr(0, unit_at));
  if (!number) return std::nullopt;
  for (const Unit& row : size_units) {
    if (row.name != unit) continue;
    if (*number > std::numeric_limits<std::uint64_t>::max() / row.factor) return std::nullopt;
    return *number * row.factor;
  }
  return std::nullopt;
}

std::optional<std::uint64_t> parse_rate(std::string_view text) {
  if (!text.ends_with("/s")) return std::nullopt;
  return parse_size(text.substr(0, text.size() - 2));
}

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
  constexpr std::uint64_t hour_ms = 3600 * 1000;
  const bool milli = text.ends_with("ms");
  if (!milli && !text.ends_with("s")) return std::nullopt;
  const auto number = parse_number(text.substr(0, text.size() - (milli ? 2 : 1)));
  const std::uint64_t factor = milli ? 1 : 1000;
  if (!number || *number > hour_ms / factor) return std::nullopt;
  return std::chrono::milliseconds{*number * factor};
}

std::optional<std::time_t> parse_utc(std::string_view text) {
  using namespace std::chrono;
  if (!looks_like(text, "0000-00-00T00:00:00Z")) return std::nullopt;
  const year_month_day day{year{digits(text, 0, 4)}, month{static_cast<unsigned>(digits(text, 5, 2))},
                           std::chrono::day{static_cast<unsigned>(digits(text, 8, 2))}};
  const int hour = digits(text, 11, 2);
  const int minute = digits(text, 14, 2);
  const int second = digits(text, 17, 2);
  if (!day.ok() || hour > 23 || minute > 59 || second > 59) return std::nullopt;
  const auto moment = sys_days{day} + hours{hour} + minutes{minute} + seconds{second};
  return duration_cast<seconds>(moment.time_since_epoch()).count();
}

std::optional<bool> parse_boolean(std::string_view text) {
  if (text == "true") return true;
  if (text == "false") return false;
  return std::nullopt;
}

std::optional<Sha256> parse_sha256(std::string_view text) {
  Sha256 digest;
  if (text.size() != 2 * digest.size()) return std::nullopt;
  for (std::size_t i = 0; i < digest.size(); ++i) {
    const auto high = hex_digit(text[2 * i]);
    const auto low = hex_digit(text[2 * i + 1]);
    if (!high || !low) return std::nullopt;
    digest[i] = static_cast<std::byte>(*high << 4 | *low);
  }
  return digest;
}

bool is_name(std::string_view text, std::size_t longest) {
  if (text.empty() || text.size() > longest || !is_letter_or_digit(text[0])) return false;
  for (const char c : text) {
    if (!is_letter_or_digit(c) && c != '.' && c != '_' && c != '-') return false;
  }
  return true;
}

bool is_port(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == 0 || slash == std::string_view::npos) return false;
  const auto in_controller = [](char c) {
    return is_letter_or_digit(c) || std::string_view{":._-@"}.find(c) != std::string_view::npos;
  };
  if (!std::ranges::all_of(text.substr(0, slash), in_controller)) return false;
  const auto is_one = [](std::string_view number, std::uint64_t least) {
    const auto value = parse_number(number);
    return value && *value >= least && *value <= 255 && (number.size() == 1 || number.front() != '0');
  };
  std::string_view chain = text.substr(slash + 1);
  if (const std::size_t hash = chain.find('#'); hash != std::string_view::npos) {
    if (!is_one(chain.substr(hash + 1), 0)) return false;
    chain = chain.substr(0, hash);
  }
  for (std::size_t from = 0; from <= chain.size();) {
    const std::size_t dot = std::min(chain.find('.', from), chain.size());
    if (!is_one(chain.substr(from, dot - from), 1)) return false;
    from = dot + 1;
  }
  return true;
}

bool is_title(std::string_view text) {
  if (text.empty() || text.find_first_of("\r\n") != std::string_view::npos) return false;
  const auto characters =
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; });
  return characters <= 64 && text.front() != ' ' && text.front() != '\t' && text.back() != ' ' && text.back() != '\t';
}

}  // namespace flashline::config
