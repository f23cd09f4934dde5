// AddReg sections of an INF.

#include <algorithm>
#include <charconv>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/errors/package.h"
#include "imaging/package/inf_driver.h"
#include "imaging/package/registry_path.h"
#include "imaging/package/registry_value.h"
#include "imaging/workspace/input_xml.h"

namespace flashline::imaging {
namespace {

// Flags of an AddReg line: setupapi.h's FLG_ADDREG_*.
constexpr std::uint32_t binary_flag = 0x1;
constexpr std::uint32_t delete_flag = 0x4;
constexpr std::uint32_t append_flag = 0x8;
constexpr std::uint32_t key_only_flag = 0x10;
constexpr std::uint32_t overwrite_only_flag = 0x20;
constexpr std::uint32_t key_only_common_flag = 0x2000;
constexpr std::uint32_t type_mask = 0xFFFF0000U | binary_flag;

constexpr std::uint32_t type_sz = 0x00000000;
constexpr std::uint32_t type_multi_sz = 0x00010000;
constexpr std::uint32_t type_expand_sz = 0x00020000;
constexpr std::uint32_t type_dword = 0x00010001;

class AddRegReader {
 public:
  AddRegReader(const InfFile& inf, const std::string& relative, const FolderOfNumber& folder)
      : inf_{inf}, relative_{relative}, folder_{folder} {}

  Status read(const InfLine& line) {
    FL_TRY(const std::string root, root_of(line));
    if (root.empty()) return {};
    FL_TRY(const std::uint32_t flags, inf_.number(line, 3));
    if ((flags & (delete_flag | overwrite_only_flag)) != 0) {
      return inf_.error(errc::inf_unsupported, line, "a line that deletes or only replaces");
    }
    std::string sub_key = inf_.text(line, 1);
    while (sub_key.ends_with('\\')) sub_key.pop_back();
    auto path = registry_path(sub_key.empty() ? root : root + "\\" + sub_key);
    if (!path) return inf_.error(path.error().code, line, path.error().detail);
    const std::string name = inf_.text(line, 2);
    const bool key_only = (flags & (key_only_flag | key_only_common_flag)) != 0;
    if (key_only || (name.empty() && line.values.size() < 5)) {
      keys.push_back({*std::move(path), {}});
      return {};
    }
    FL_TRY(RegistryValue value, value_of(line, name, flags));
    add_value(keys, *path, std::move(value));
    return {};
  }

  std::vector<RegistryKey> keys;

 private:
  /// Empty: left to the device.
  Result<std::string> root_of(const InfLine& line) const {
    const std::string root = inf_.text(line, 0);
    if (same_word(root, "HKR")) return relative_;
    if (same_word(root, "HKLM")) return std::string{"HKEY_LOCAL_MACHINE"};
    if (same_word(root, "HKCR")) return std::string{"HKEY_CLASSES_ROOT"};
    if (same_word(root, "HKCU")) return std::string{"HKEY_CURRENT_USER"};
    if (same_word(root, "HKU")) return std::string{"HKEY_USERS"};
    return inf_.error(errc::inf_value, line, fmt::format("'{}' is no root of the registry", root));
  }

  std::string value_text(const InfLine& line, std::size_t index) const { return inf_.text(line.value(index), folder_); }

  Result<RegistryValue> value_of(const InfLine& line, const std::string& name, std::uint32_t flags) const {
    const std::uint32_t type = flags & type_mask;
    if (type == type_sz) return text_value(name, value_text(line, 4));
    if (type == type_expand_sz) return text_value(name, value_text(line, 4), RegistryType::expand_sz);
    if (type == type_dword) return dword(line, name);
    if (type == type_multi_sz) return list(line, name, (flags & append_flag) != 0);
    if ((type & binary_flag) == 0) {
      return inf_.error(errc::inf_value, line, fmt::format("0x{:08X} is no type of a value", flags));
    }
    // Any other type is bytes: its number stands in the upper half, 0 for REG_BINARY, 2 for REG_NONE.
    const std::uint32_t upper = type >> 16U;
    const auto stored = upper == 0   ? RegistryType::binary
                        : upper == 2 ? RegistryType::none
                                     : static_cast<RegistryType>(upper);
    FL_TRY(auto data, bytes(line));
    return binary_value(name, std::move(data), stored);
  }

  /// One number, or four bytes of it.
  Result<RegistryValue> dword(const InfLine& line, const std::string& name) const {
    if (line.values.size() <= 5) {
      FL_TRY(const std::uint32_t number, signed_number(line));
      return dword_value(name, number);
    }
    FL_TRY(auto data, bytes(line));
    if (data.size() != 4) return inf_.error(errc::inf_value, line, "a REG_DWORD has 4 bytes");
    return binary_value(name, std::move(data), RegistryType::dword);
  }

  /// Negative numbers stand for their two's complement.
  Result<std::uint32_t> signed_number(const InfLine& line) const {
    const std::string text = inf_.text(line, 4);
    std::int32_t value = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.starts_with('-') && code == std::errc{} && end == text.data() + text.size()) {
      return static_cast<std::uint32_t>(value);
    }
    return inf_.number(line, 4);
  }

  Result<RegistryValue> list(const InfLine& line, const std::string& name, bool append) const {
    std::vector<std::string> parts;
    for (std::size_t i = 4; i < line.values.size(); ++i) {
      // A last empty one only ends the list, as many write it.
      std::string part = value_text(line, i);
      if (part.empty() && i + 1 == line.values.size()) break;
      if (part.empty()) return inf_.error(errc::inf_value, line, "a part of the list is empty, which would end it");
      parts.push_back(std::move(part));
    }
    RegistryValue value = list_value(name, parts);
    value.append = append;
    return value;
  }

  Result<std::vector<std::byte>> bytes(const InfLine& line) const {
    std::vector<std::byte> data;
    for (std::size_t i = 4; i < line.values.size(); ++i) {
      const std::string text = inf_.text(line, i);
      std::string_view digits = trimmed(text);
      if (digits.empty() && i + 1 == line.values.size()) break;
      if (digits.starts_with("0x") || digits.starts_with("0X")) digits.remove_prefix(2);
      std::uint8_t value = 0;
      const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
      if (code != std::errc{} || end != digits.data() + digits.size()) {
        return inf_.error(errc::inf_value, line, fmt::format("'{}' is no byte", text));
      }
      data.push_back(static_cast<std::byte>(value));
    }
    return data;
  }

  const InfFile& inf_;
  const std::string& relative_;
  const FolderOfNumber& folder_;
};

}  // namespace

Result<std::vector<RegistryKey>> inf_registry(const InfFile& inf, const InfLine& asked_by, std::string_view name,
                                              const std::string& relative, const FolderOfNumber& folder) {
  const auto* const lines = inf.section(name);
  if (lines == nullptr) return inf.error(errc::inf_section, asked_by, fmt::format("there is no [{}]", name));
  AddRegReader reader{inf, relative, folder};
  for (const InfLine& line : *lines) FL_CHECK(reader.read(line));
  return std::move(reader.keys);
}

}  // namespace flashline::imaging
