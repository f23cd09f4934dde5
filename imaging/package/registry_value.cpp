#include "imaging/package/registry_value.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/errors/package.h"
#include "imaging/core/nearest.h"
#include "imaging/core/unicode.h"
#include "imaging/workspace/input_xml.h"

namespace flashline::imaging {
namespace {

constexpr std::size_t max_name = 16383;  ///< characters of a value's name, by Windows' limit

void append_utf16(std::vector<std::byte>& bytes, std::string_view text) {
  for (const char16_t unit : utf16_of(text).value_or(u"") + u'\0') {
    bytes.push_back(static_cast<std::byte>(unit & 0xFFU));
    bytes.push_back(static_cast<std::byte>(unit >> 8U));
  }
}

std::unexpected<Error> bad(std::string_view type, std::string_view text, std::string_view why) {
  return fail(errc::registry_value, fmt::format("'{}' is no {}: {}", text.substr(0, 80), type, why));
}

/// Hexadecimal with or without 0x: a DWORD of "10" is sixteen.
std::optional<std::uint64_t> hex_number(std::string_view text, std::size_t max_digits) {
  if (text.starts_with("0x") || text.starts_with("0X")) text.remove_prefix(2);
  const std::size_t zeros = std::min(text.find_first_not_of('0'), text.size());
  std::uint64_t value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  const bool whole = code == std::errc{} && end == text.data() + text.size() && !text.starts_with('-');
  return whole && text.size() - zeros <= max_digits ? std::optional{value} : std::nullopt;
}

std::optional<std::byte> hex_byte(std::string_view digits) {
  unsigned value = 0;
  const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  if (code != std::errc{} || end != digits.data() + digits.size() || digits.empty() || digits.size() > 2) return {};
  return static_cast<std::byte>(value);
}

/// "12ABCDEF", or "12,AB,CD" when `dialect` is pkg.
Result<RegistryValue> binary(std::string_view name, std::string_view text, ValueDialect dialect) {
  std::vector<std::byte> data;
  const bool commas = dialect == ValueDialect::pkg && text.contains(',');
  if (!commas && text.size() % 2 != 0) return bad("REG_BINARY", text, "an odd number of digits");
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = commas ? std::min(text.find(',', at), text.size()) : at + 2;
    const auto value = hex_byte(trimmed(text.substr(at, end - at)));
    if (!value) return bad("REG_BINARY", text, fmt::format("'{}' is no byte", text.substr(at, end - at)));
    data.push_back(*value);
    at = commas ? end + 1 : end;
  }
  return binary_value(name, std::move(data));
}

Result<RegistryValue> list(std::string_view name, std::string_view text, ValueDialect dialect) {
  std::vector<std::string> parts;
  const char divider = dialect == ValueDialect::pkg ? ';' : ',';
  for (std::size_t at = 0; at <= text.size() && !text.empty();) {
    const std::size_t end = std::min(text.find(divider, at), text.size());
    parts.emplace_back(text.substr(at, end - at));
    if (parts.back().empty()) return bad("REG_MULTI_SZ", text, "a part is empty, which would end the list");
    at = end + 1;
  }
  return list_value(name, parts);
}

Result<RegistryValue> dword(std::string_view name, std::string_view text, ValueDialect /*same in both*/) {
  const auto number = hex_number(trimmed(text), 8);
  if (!number) return bad("REG_DWORD", text, "up to 8 hexadecimal digits");
  return dword_value(name, static_cast<std::uint32_t>(*number));
}

Result<RegistryValue> qword(std::string_view name, std::string_view text, ValueDialect /*same in both*/) {
  const auto number = hex_number(trimmed(text), 16);
  if (!number) return bad("REG_QWORD", text, "up to 16 hexadecimal digits");
  std::vector<std::byte> data;
  append_u32(data, static_cast<std::uint32_t>(*number));
  append_u32(data, static_cast<std::uint32_t>(*number >> 32U));
  return binary_value(name, std::move(data), RegistryType::qword);
}

/// "hex(7):41,00", "hex:41": any type by its number.
Result<RegistryValue> hex(std::string_view name, std::string_view text, ValueDialect dialect) {
  if (dialect != ValueDialect::pkg) return bad("REG_HEX", text, "only a pkg.xml has this type");
  const std::size_t colon = text.find(':');
  std::string_view kind = trimmed(text.substr(0, colon));
  if (colon == std::string_view::npos || !kind.starts_with("hex")) return bad("REG_HEX", text, "write hex(n):aa,bb");
  kind.remove_prefix(3);
  std::uint64_t type = 3;
  if (!kind.empty()) {
    const bool closed = kind.size() > 2 && kind.front() == '(' && kind.back() == ')';
    const auto number = closed ? hex_number(kind.substr(1, kind.size() - 2), 8) : std::nullopt;
    if (!number) return bad("REG_HEX", text, "write hex(n):aa,bb");
    type = *number;
  }
  FL_TRY(RegistryValue value, binary(name, trimmed(text.substr(colon + 1)), dialect));
  value.type = static_cast<RegistryType>(type);
  return value;
}

Result<RegistryValue> plain(std::string_view name, std::string_view text, ValueDialect /*same in both*/) {
  return text_value(name, text);
}

Result<RegistryValue> expandable(std::string_view name, std::string_view text, ValueDialect /*same in both*/) {
  return text_value(name, text, RegistryType::expand_sz);
}

struct TypeRow {
  std::string_view word;
  Result<RegistryValue> (*parse)(std::string_view name, std::string_view text, ValueDialect dialect);
};

constexpr std::array types{TypeRow{"REG_SZ", plain},      TypeRow{"REG_EXPAND_SZ", expandable},
                           TypeRow{"REG_BINARY", binary}, TypeRow{"REG_DWORD", dword},
                           TypeRow{"REG_MULTI_SZ", list}, TypeRow{"REG_QWORD", qword},
                           TypeRow{"REG_HEX", hex}};

}  // namespace

RegistryValue text_value(std::string_view name, std::string_view text, RegistryType type) {
  RegistryValue value{.name = std::string{name}, .type = type, .data = {}};
  append_utf16(value.data, text);
  return value;
}

RegistryValue list_value(std::string_view name, const std::vector<std::string>& parts) {
  RegistryValue value{.name = std::string{name}, .type = RegistryType::multi_sz, .data = {}};
  for (const std::string& part : parts) append_utf16(value.data, part);
  append_utf16(value.data, "");
  return value;
}

RegistryValue dword_value(std::string_view name, std::uint32_t number) {
  RegistryValue value{.name = std::string{name}, .type = RegistryType::dword, .data = {}};
  append_u32(value.data, number);
  return value;
}

RegistryValue binary_value(std::string_view name, std::vector<std::byte> data, RegistryType type) {
  return {.name = std::string{name}, .type = type, .data = std::move(data)};
}

void append_u32(std::vector<std::byte>& bytes, std::uint32_t number) {
  for (unsigned shift = 0; shift < 32; shift += 8) bytes.push_back(static_cast<std::byte>(number >> shift & 0xFFU));
}

std::vector<std::string> list_parts(std::string_view text, std::string_view dividers) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find_first_of(dividers, at), text.size());
    const std::string_view part = trimmed(text.substr(at, end - at));
    if (!part.empty()) parts.emplace_back(part);
    at = end + 1;
  }
  return parts;
}

void add_value(std::vector<RegistryKey>& keys, const std::string& path, RegistryValue value) {
  if (keys.empty() || !same_word(keys.back().path, path)) keys.push_back({path, {}});
  keys.back().values.push_back(std::move(value));
}

Result<RegistryValue> parse_registry_value(std::string_view name, std::string_view type, std::string_view text,
                                           ValueDialect dialect) {
  if (name.size() > max_name) return fail(errc::registry_value, "a value's name has more than 16383 characters");
  for (const TypeRow& row : types) {
    if (same_word(row.word, type)) return row.parse(name == "@" ? "" : name, text, dialect);
  }
  std::vector<std::string_view> words;
  for (const TypeRow& row : types) words.push_back(row.word);
  const auto meant = nearest(type, words);
  return fail(errc::registry_value, fmt::format("'{}' is no type of a value{}", type,
                                                meant ? fmt::format("; did you mean '{}'?", *meant) : ""));
}

}  // namespace flashline::imaging
