#pragma once
// Trees to make hives of, and hives as the lines that a judge compares.

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <hivex.h>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "imaging/core/digest.h"
#include "imaging/core/unicode.h"
#include "imaging/filesystem/registry/registry_tree.h"

namespace flashline::imaging::fakes {

inline constexpr std::time_t noon = 1'600'000'000;  // 2020-09-13T12:26:40Z

inline std::vector<std::byte> bytes_of(std::string_view text) {
  std::vector<std::byte> out;
  for (const char c : text) out.push_back(static_cast<std::byte>(c));
  return out;
}

/// As a hive stores text: UTF-16LE with its NUL.
inline std::vector<std::byte> wide(std::u16string_view text) {
  std::vector<std::byte> out;
  for (const char16_t unit : std::u16string{text} + u'\0') {
    out.push_back(static_cast<std::byte>(unit & 0xFFU));
    out.push_back(static_cast<std::byte>(unit >> 8U));
  }
  return out;
}

inline RegistryValue text_value(std::string name, std::u16string_view text) {
  return {std::move(name), RegistryType::sz, wide(text)};
}
inline RegistryValue number_value(std::string name, std::uint32_t number) {
  std::vector<std::byte> data;
  for (unsigned shift = 0; shift < 32; shift += 8) data.push_back(static_cast<std::byte>(number >> shift & 0xFFU));
  return {std::move(name), RegistryType::dword, std::move(data)};
}
/// `size` bytes that repeat only every 251.
inline std::vector<std::byte> pattern(std::size_t size) {
  std::vector<std::byte> out(size);
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<std::byte>(i % 251);
  return out;
}

inline std::string hex(std::span<const std::byte> bytes) {
  std::string out;
  for (const std::byte b : bytes) {
    out += "0123456789abcdef"[std::to_integer<unsigned>(b) >> 4U];
    out += "0123456789abcdef"[std::to_integer<unsigned>(b) & 15U];
  }
  return out;
}

using Lines = std::vector<std::string>;

/// Long data by its digest.
inline std::string line_of(const std::string& path, const std::string& name, std::uint32_t type,
                           std::span<const std::byte> data) {
  const std::string shown =
      data.size() <= 256 ? hex(data) : std::to_string(data.size()) + " bytes, SHA-256 " + to_hex(sha256(data));
  return path + " : " + name + " = " + std::to_string(type) + ":" + shown;
}

/// The first line that differs, or nothing.
inline std::string difference(const Lines& made, const Lines& expected) {
  const auto [one, other] = std::ranges::mismatch(made, expected);
  if (one == made.end() && other == expected.end()) return {};
  return "line " + std::to_string(one - made.begin()) + ": " + (one != made.end() ? *one : "nothing") +
         "\n instead of: " + (other != expected.end() ? *other : "nothing");
}

/// Each key and each value of a tree, keys in their order, values sorted.
inline void append_lines(Lines& out, const TreeKey& key, const std::string& path) {
  out.push_back(path);
  for (const auto& [folded, value] : key.values) {
    out.push_back(line_of(path, utf8_of(value.name), static_cast<std::uint32_t>(value.type), value.data));
  }
  for (const auto& [folded, child] : key.keys) append_lines(out, *child, path + "\\" + utf8_of(child->name));
}
inline Lines lines_of(const RegistryTree& tree) {
  Lines out;
  append_lines(out, tree.root(), "");
  return out;
}

/// The same, as libhivex reads the file: keys in the order in which their list has them, values sorted as above.
inline void append_hivex(Lines& out, hive_h* hive, hive_node_h node, const std::string& path) {
  out.push_back(path);
  const auto freed = [](auto* list) {
    return std::unique_ptr<std::remove_pointer_t<decltype(list)>, decltype(&std::free)>{list, &std::free};
  };
  std::map<std::u16string, std::string> values;
  const auto list = freed(hivex_node_values(hive, node));
  for (const hive_value_h* value = list.get(); value != nullptr && *value != 0; ++value) {
    const auto name = freed(hivex_value_key(hive, *value));
    std::uint32_t type = 0;  // Types of one's own are values that the library's enumeration does not have.
    std::size_t size = 0;
    const auto data = freed(hivex_value_value(hive, *value, reinterpret_cast<hive_type*>(&type), &size));
    values[utf16_of(name.get()).value_or(u"?")] =
        line_of(path, name.get(), type, std::as_bytes(std::span{data.get(), data ? size : 0}));
  }
  for (const auto& [name, line] : values) out.push_back(line);
  const auto children = freed(hivex_node_children(hive, node));
  for (const hive_node_h* child = children.get(); child != nullptr && *child != 0; ++child) {
    append_hivex(out, hive, *child, path + "\\" + freed(hivex_node_name(hive, *child)).get());
  }
}
inline Lines hivex_lines(const std::filesystem::path& file) {
  hive_h* const hive = hivex_open(file.c_str(), 0);
  if (hive == nullptr) return {"libhivex cannot open it"};
  Lines out;
  append_hivex(out, hive, hivex_root(hive), "");
  hivex_close(hive);
  return out;
}

inline std::string as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
inline std::vector<std::byte> file_bytes(const std::filesystem::path& file) {
  std::ifstream in{file, std::ios::binary};
  return bytes_of(std::string{std::istreambuf_iterator<char>{in}, {}});
}

/// The text below FLASHLINE_SOURCE_DIR/tests/golden/registry; with FLASHLINE_NEW_GOLDEN set it is written anew.
inline std::string golden(const std::string& name, const std::string& made) {
  const std::string path = FLASHLINE_SOURCE_DIR "/tests/golden/registry/" + name;
  if (std::getenv("FLASHLINE_NEW_GOLDEN") != nullptr) std::ofstream{path, std::ios::binary} << made;
  return as_text(file_bytes(path));
}

/// A tree with every common kind of data, its names in ASCII.
inline RegistryTree common_kinds() {
  RegistryTree tree;
  const std::vector<RegistryValue> values{
      text_value("", u"the default"),
      text_value("Text", u"a < b & \"c\""),
      {"Expand", RegistryType::expand_sz, wide(u"%SystemRoot%\\x")},
      {"List", RegistryType::multi_sz, wide(std::u16string_view{u"one\0two\0", 8})},
      {"Bytes", RegistryType::binary, pattern(33)},
      number_value("Number", 0x12345678),
      {"Wide number", RegistryType::qword, pattern(8)},
      {"None", RegistryType::none, {}},
  };
  (void)tree.merge("Software\\Contoso", values, "a");
  for (const char* name : {"b", "A", "_", "Z", "0", "a b", "ab", "*", "{x}"}) {
    (void)tree.merge(std::string{"Sorted\\"} + name, {}, "a");
  }
  return tree;
}

/// That, and names, types and sizes that are not so common.
inline RegistryTree every_kind() {
  RegistryTree tree = common_kinds();
  const std::vector<RegistryValue> values{
      text_value("\xC3\xBC Latin", u"\u00FC"),
      text_value("\xE2\x82\xAC wide", u"\u20AC\U0001F600"),
      {"Own type", RegistryType{0x20001}, pattern(3)},
  };
  (void)tree.merge("Software\\Contoso", values, "a");
  for (const std::size_t size : {0U, 1U, 4U, 5U, 4060U, 16344U, 16345U, 32688U, 100000U}) {
    const std::vector<RegistryValue> sized{{std::to_string(size), RegistryType::binary, pattern(size)}};
    (void)tree.merge("Sizes", sized, "a");
  }
  for (const char* name : {"\xC3\xBC", "\xC3\x9B", "\xD0\xB6"}) {
    (void)tree.merge(std::string{"Sorted\\"} + name, {}, "a");
  }
  return tree;
}

}  // namespace flashline::imaging::fakes
