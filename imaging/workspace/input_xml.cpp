#include "imaging/workspace/input_xml.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <spdlog/fmt/fmt.h>
#include <vector>

#include "imaging/core/errors/build.h"
#include "imaging/core/nearest.h"
#include "imaging/core/unicode.h"

namespace flashline::imaging {
namespace {

constexpr XmlRules input_rules{.max_bytes = 16 * 1024 * 1024,
                               .max_depth = 64,
                               .too_large = errc::xml_too_large,
                               .encoding = errc::xml_encoding,
                               .not_well_formed = errc::xml_not_well_formed,
                               .doctype = errc::xml_doctype};

constexpr std::size_t first_piece = 16UL * 1024;  ///< bytes

char16_t unit_at(std::span<const std::byte> bytes, std::size_t at, bool big) {
  const auto first = std::to_integer<unsigned>(bytes[at]);
  const auto second = std::to_integer<unsigned>(bytes[at + 1]);
  return static_cast<char16_t>(big ? first << 8U | second : second << 8U | first);
}

/// UTF-16 text as UTF-8, its declared encoding cut out: what it declares was true of other bytes.
std::string from_utf16(std::span<const std::byte> bytes, bool big) {
  std::u16string text;
  for (std::size_t at = 2; at + 1 < bytes.size(); at += 2) text.push_back(unit_at(bytes, at, big));
  std::string utf8 = utf8_of(text);
  if (!utf8.starts_with("<?xml")) return utf8;
  const std::size_t end = utf8.find("?>");
  const std::size_t key = utf8.find("encoding");
  if (end == std::string::npos || key > end) return utf8;
  // Replaced, not removed: columns after it stay true.
  std::fill(utf8.begin() + static_cast<std::ptrdiff_t>(key), utf8.begin() + static_cast<std::ptrdiff_t>(end), ' ');
  return utf8;
}

bool starts_with(std::span<const std::byte> bytes, unsigned char first, unsigned char second) {
  return bytes.size() >= 2 && bytes[0] == std::byte{first} && bytes[1] == std::byte{second};
}

char small(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool is_declaration(std::string_view attribute) {
  return attribute == "xmlns" || attribute.starts_with("xmlns:") || attribute.starts_with("xsi:") ||
         attribute.starts_with("xml:");
}

std::unexpected<Error> unknown(const XmlDocument& document, std::size_t offset, const std::string& what,
                               std::string_view name, std::initializer_list<std::string_view> known) {
  const auto meant = nearest(name, known);
  return document.error(errc::xml_unknown, offset, what + (meant ? fmt::format("; did you mean '{}'?", *meant) : ""));
}

bool is_one_of(std::string_view name, std::initializer_list<std::string_view> known) {
  return std::ranges::any_of(known, [&](std::string_view word) { return same_word(word, name); });
}

}  // namespace

Result<XmlDocument> read_input_xml(const std::filesystem::path& path) {
  errno = 0;
  std::ifstream in{path, std::ios::binary};
  std::error_code code;
  if (!in || std::filesystem::is_directory(path, code)) {
    return fail(errc::input_open,
                fmt::format("{}: {}", path.string(), errno != 0 ? std::strerror(errno) : "is a folder"));
  }
  std::vector<char> text;
  // In pieces: most files are small, and a file that grows must not fool us.
  for (std::size_t piece = first_piece; in && text.size() <= input_rules.max_bytes; piece *= 2) {
    const std::size_t end = text.size();
    text.resize(std::min(end + piece, input_rules.max_bytes + 1));
    in.read(text.data() + end, static_cast<std::streamsize>(text.size() - end));
    text.resize(end + static_cast<std::size_t>(in.gcount()));
  }
  if (in.bad()) return fail(errc::input_open, fmt::format("{}: cannot be read", path.string()));
  return parse_input_xml(std::as_bytes(std::span{text}), path.string());
}

Result<XmlDocument> parse_input_xml(std::span<const std::byte> bytes, std::string file) {
  const bool little = starts_with(bytes, 0xFF, 0xFE);
  const bool big = starts_with(bytes, 0xFE, 0xFF);
  if (little || big) {
    if (bytes.size() % 2 != 0) return fail(errc::xml_encoding, file + ": UTF-16 text with an odd number of bytes");
    return parse_xml(from_utf16(bytes, big), std::move(file), input_rules);
  }
  const std::string_view text{reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  return parse_xml(text, std::move(file), input_rules);
}

std::string_view local_name(std::string_view name) {
  const std::size_t colon = name.rfind(':');
  return colon == std::string_view::npos ? name : name.substr(colon + 1);
}

std::string root_namespace(const XmlDocument& document) {
  const std::string& name = document.root.name;
  const std::size_t colon = name.find(':');
  const std::string key = colon == std::string::npos ? "xmlns" : "xmlns:" + name.substr(0, colon);
  for (const XmlAttribute& attribute : document.root.attributes) {
    if (attribute.name == key) return attribute.value;
  }
  return {};
}

bool same_word(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return small(x) == small(y); });
}

std::string folded(std::string_view word) {
  std::string text{word};
  std::ranges::transform(text, text.begin(), small);
  return text;
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view spaces = " \t\r\n";
  const std::size_t first = text.find_first_not_of(spaces);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(spaces) - first + 1);
}

const XmlAttribute* find_attribute(const XmlElement& element, std::string_view name) {
  const auto found = std::ranges::find_if(element.attributes, [&](const XmlAttribute& attribute) {
    return !is_declaration(attribute.name) && same_word(local_name(attribute.name), name);
  });
  return found != element.attributes.end() ? &*found : nullptr;
}

std::optional<std::string> attribute_of(const XmlElement& element, std::string_view name) {
  const XmlAttribute* found = find_attribute(element, name);
  return found != nullptr ? std::optional{found->value} : std::nullopt;
}

const XmlElement* find_child(const XmlElement& element, std::string_view name) {
  const auto found = std::ranges::find_if(
      element.children, [&](const XmlElement& child) { return same_word(local_name(child.name), name); });
  return found != element.children.end() ? &*found : nullptr;
}

std::optional<std::string> child_text(const XmlElement& element, std::string_view name) {
  const XmlElement* found = find_child(element, name);
  return found != nullptr ? std::optional{std::string{trimmed(found->text)}} : std::nullopt;
}

Status check_known(const XmlDocument& document, const XmlElement& element,
                   std::initializer_list<std::string_view> attributes,
                   std::initializer_list<std::string_view> children) {
  for (const XmlAttribute& attribute : element.attributes) {
    if (is_declaration(attribute.name) || is_one_of(local_name(attribute.name), attributes)) continue;
    return unknown(document, attribute.offset, fmt::format("<{}> has no attribute '{}'", element.name, attribute.name),
                   attribute.name, attributes);
  }
  for (const XmlElement& child : element.children) {
    if (is_one_of(local_name(child.name), children)) continue;
    return unknown(document, child.offset, fmt::format("<{}> has no element <{}>", element.name, child.name),
                   child.name, children);
  }
  return {};
}

Result<std::string> required_attribute(const XmlDocument& document, const XmlElement& element, std::string_view name) {
  if (auto value = attribute_of(element, name)) return *std::move(value);
  return document.error(errc::xml_missing, element.offset,
                        fmt::format("<{}> needs attribute '{}'", element.name, name));
}

Result<bool> parse_bool(const XmlDocument& document, std::size_t offset, std::string_view text) {
  const std::string_view word = trimmed(text);
  if (same_word(word, "true") || word == "1") return true;
  if (same_word(word, "false") || word == "0") return false;
  return document.error(errc::xml_value, offset, fmt::format("'{}' is neither true nor false", word));
}

Result<std::uint64_t> parse_number(const XmlDocument& document, std::size_t offset, std::string_view text) {
  std::string_view digits = trimmed(text);
  const bool hex = digits.starts_with("0x") || digits.starts_with("0X");
  if (hex) digits.remove_prefix(2);
  std::uint64_t value = 0;
  const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), value, hex ? 16 : 10);
  if (code == std::errc{} && end == digits.data() + digits.size()) return value;
  return document.error(errc::xml_value, offset, fmt::format("'{}' is no number of 64 bits", trimmed(text)));
}

}  // namespace flashline::imaging
