#include <algorithm>
#include <optional>
#include <spdlog/fmt/fmt.h>
#include <utility>

#include "imaging/core/errors/filesystem.h"
#include "imaging/core/unicode.h"
#include "imaging/package/registry_text.h"

namespace flashline::imaging {
namespace {

constexpr std::size_t hex_bytes_a_line = 25;  // Lines stay below 80 columns, as the editor's own do.

/// The text that quotes can hold: one NUL, at the end, nothing that a line could not show, nothing that UTF-8 loses.
std::optional<std::string> quotable(std::span<const std::byte> data) {
  if (data.size() < 2 || data.size() % 2 != 0) return std::nullopt;
  std::u16string units;
  for (std::size_t at = 0; at < data.size(); at += 2) {
    units.push_back(
        static_cast<char16_t>(std::to_integer<unsigned>(data[at]) | std::to_integer<unsigned>(data[at + 1]) << 8U));
  }
  if (units.back() != 0) return std::nullopt;
  units.pop_back();
  if (std::ranges::any_of(units, [](char16_t unit) { return unit < u' '; })) return std::nullopt;
  std::string text = utf8_of(units);
  return utf16_of(text) == units ? std::optional{std::move(text)} : std::nullopt;
}

std::string in_quotes(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

std::string hex_of(RegistryType type, std::span<const std::byte> data) {
  std::string out = type == RegistryType::binary ? "hex:" : fmt::format("hex({:x}):", static_cast<std::uint32_t>(type));
  for (std::size_t i = 0; i < data.size(); ++i) {
    if (i > 0) out += i % hex_bytes_a_line == 0 ? ",\\\r\n  " : ",";
    out += fmt::format("{:02x}", std::to_integer<unsigned>(data[i]));
  }
  return out;
}

std::string data_text(const RegistryValue& value) {
  if (value.type == RegistryType::sz) {
    if (const auto text = quotable(value.data)) return in_quotes(*text);
  }
  if (value.type == RegistryType::dword && value.data.size() == 4) {
    std::uint32_t number = 0;
    for (std::size_t i = 0; i < 4; ++i) number |= std::to_integer<std::uint32_t>(value.data[i]) << (8 * i);
    return fmt::format("dword:{:08x}", number);
  }
  return hex_of(value.type, value.data);
}

bool belongs(const RegistryValue& value, RegistryPart part) {
  return value.append == (part == RegistryPart::additions);
}

/// A key without values is made by the settings.
bool belongs(const RegistryKey& key, RegistryPart part) {
  if (key.values.empty()) return part == RegistryPart::settings;
  return std::ranges::any_of(key.values, [part](const RegistryValue& value) { return belongs(value, part); });
}

std::vector<std::byte> utf16_bytes(const std::u16string& text) {
  std::vector<std::byte> bytes;
  bytes.reserve(text.size() * 2);
  for (const char16_t unit : text) {
    bytes.push_back(static_cast<std::byte>(unit & 0xFFU));
    bytes.push_back(static_cast<std::byte>(unit >> 8U));
  }
  return bytes;
}

}  // namespace

Result<std::vector<std::byte>> registry_text(std::span<const RegistryKey> keys, RegistryPart part) {
  std::string text = "\uFEFFWindows Registry Editor Version 5.00\r\n";
  const std::size_t empty = text.size();
  for (const RegistryKey& key : keys) {
    if (!belongs(key, part)) continue;
    if (key.path.find_first_of("\r\n") != std::string::npos) {
      return fail(errc::registry_name, fmt::format("a line break in key '{}'", key.path));
    }
    text += fmt::format("\r\n[{}]\r\n", key.path);
    for (const RegistryValue& value : key.values) {
      if (!belongs(value, part)) continue;
      text += fmt::format("{}={}\r\n", value.name.empty() ? "@" : in_quotes(value.name), data_text(value));
    }
  }
  if (text.size() == empty) return std::vector<std::byte>{};
  const auto units = utf16_of(text);
  if (!units) return fail(errc::registry_name, "a key or a value has a name that is no UTF-8");
  return utf16_bytes(*units);
}

Result<std::vector<PackageFile>> registry_files(const Package& package) {
  std::vector<PackageFile> files;
  for (const auto& [part, ending] : {std::pair{RegistryPart::settings, "reg"}, {RegistryPart::additions, "rga"}}) {
    FL_TRY(auto text, registry_text(package.registry, part));
    if (text.empty()) continue;
    PackageFile file;
    file.device_path = fmt::format(R"(\Windows\Packages\RegistryFiles\{}.{})", package.identity.name, ending);
    file.size = text.size();
    file.digest = sha256(text);
    file.source = std::move(text);
    files.push_back(std::move(file));
  }
  return files;
}

}  // namespace flashline::imaging
