#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/errors/filesystem.h"
#include "imaging/core/unicode.h"
#include "imaging/package/registry_text.h"
#include "imaging/workspace/input_xml.h"

namespace flashline::imaging {
namespace {

constexpr std::string_view version_5 = "Windows Registry Editor Version 5.00";
constexpr std::string_view version_4 = "REGEDIT4";

/// Windows-1252 from 0x80 to 0x9F; the rest of it is Latin-1. Five places are not assigned and stay controls.
constexpr std::array<char16_t, 32> windows_1252{0x20AC, 0x81,   0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021,
                                                0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0x8D,   0x017D, 0x8F,
                                                0x90,   0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014,
                                                0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x9D,   0x017E, 0x0178};

char16_t from_ansi(unsigned char c) {
  return c >= 0x80 && c <= 0x9F ? windows_1252[c - 0x80U] : static_cast<char16_t>(c);
}

std::u16string from_ansi(std::string_view text) {
  std::u16string out;
  for (const char c : text) out.push_back(from_ansi(static_cast<unsigned char>(c)));
  return out;
}

void put_utf16(std::vector<std::byte>& out, std::u16string_view text) {
  for (const char16_t unit : text) {
    out.push_back(static_cast<std::byte>(unit & 0xFFU));
    out.push_back(static_cast<std::byte>(unit >> 8U));
  }
}

/// The file's text as UTF-8.
Result<std::string> decoded(std::span<const std::byte> bytes, std::string_view file) {
  std::string_view text{reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  if (text.starts_with("\xFF\xFE")) {
    std::u16string units;
    for (std::size_t at = 2; at + 1 < text.size(); at += 2) {
      units.push_back(
          static_cast<char16_t>(std::to_integer<unsigned>(bytes[at]) | std::to_integer<unsigned>(bytes[at + 1]) << 8U));
    }
    std::string utf8 = utf8_of(units);
    if (text.size() % 2 == 0 && utf16_of(utf8) == units) return utf8;
    return fail(errc::registry_text, fmt::format("{}: not valid UTF-16", file));
  }
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  if (!first_invalid_utf8(text)) return std::string{text};
  if (text.starts_with(version_4)) return utf8_of(from_ansi(text));
  return fail(errc::registry_text, fmt::format("{}: neither UTF-16 nor UTF-8", file));
}

class Reader {
 public:
  Reader(std::string_view text, std::string_view file, RegistryPart part) : text_{text}, file_{file}, part_{part} {}

  Result<std::vector<RegistryKey>> run() {
    const std::string_view first = trimmed(line());
    if (first != version_5 && first != version_4) {
      return error(fmt::format("the first line must be '{}' or '{}'", version_5, version_4));
    }
    ansi_ = first == version_4;
    skip_line();
    while (skip_blank(), at_ < text_.size()) {
      FL_CHECK(text_[at_] == '[' ? key() : value());
    }
    return std::move(keys_);
  }

 private:
  std::unexpected<Error> error(std::string_view what) const {
    const std::string_view before = text_.substr(0, at_);
    const std::size_t start = before.rfind('\n') + 1;  // npos + 1 is 0
    const auto column = std::ranges::count_if(before.substr(start), [](char c) { return (c & 0xC0) != 0x80; });
    return fail(errc::registry_text,
                fmt::format("{}:{}:{}: {}", file_, std::ranges::count(before, '\n') + 1, column + 1, what));
  }

  /// What is left of this line, its end aside.
  std::string_view line() const {
    const std::string_view rest = text_.substr(at_);
    const std::string_view found = rest.substr(0, rest.find('\n'));
    return found.ends_with('\r') ? found.substr(0, found.size() - 1) : found;
  }
  void skip_line() { at_ = std::min(text_.find('\n', at_), text_.size() - 1) + 1; }
  void skip_spaces() { at_ = std::min(text_.find_first_not_of(" \t", at_), text_.size()); }
  /// White space and comments.
  void skip_blank() {
    for (;;) {
      at_ = std::min(text_.find_first_not_of(" \t\r\n", at_), text_.size());
      if (at_ == text_.size() || text_[at_] != ';') return;
      skip_line();
    }
  }
  /// Only a comment may follow.
  Status end_line() {
    const std::string_view rest = trimmed(line());
    if (!rest.empty() && rest[0] != ';') return error(fmt::format("'{}' is too much here", rest));
    if (at_ < text_.size()) skip_line();
    return {};
  }
  bool take(std::string_view word) {
    const bool here = same_word(text_.substr(at_, word.size()), word);
    if (here) at_ += word.size();
    return here;
  }

  Status key() {
    const std::string_view all = line();
    const std::size_t end = all.rfind(']');
    if (end == std::string_view::npos) return error("the key's ']' is missing");
    const std::string_view path = all.substr(1, end - 1);
    if (path.empty()) return error("the key has no name");
    if (path[0] == '-') return error("a package sets keys, it cannot delete them");
    keys_.push_back({std::string{path}, {}});
    at_ += end + 1;
    return end_line();
  }

  Status value() {
    if (text_[at_] != '@' && text_[at_] != '"') return error("a key, a value or a comment must stand here");
    if (keys_.empty()) return error("a value without a key");
    RegistryValue value;
    if (text_[at_] == '@') {
      ++at_;
    } else {
      FL_TRY(value.name, quoted());
    }
    skip_spaces();
    if (!take("=")) return error("'=' must follow the value's name");
    skip_spaces();
    const std::size_t start = at_;
    FL_CHECK(data(value));
    value.append = part_ == RegistryPart::additions;
    if (value.append && value.type != RegistryType::multi_sz) {
      at_ = start;
      return error("only lists, hex(7):, can be added to");
    }
    keys_.back().values.push_back(std::move(value));
    return end_line();
  }

  /// Text in quotes; line breaks inside are part of it.
  Result<std::string> quoted() {
    std::string out;
    for (++at_; at_ < text_.size() && text_[at_] != '"'; ++at_) {
      if (text_[at_] == '\\') {
        ++at_;
        if (at_ == text_.size() || (text_[at_] != '\\' && text_[at_] != '"')) {
          return error("write a backslash in quotes twice");
        }
      }
      out += text_[at_];
    }
    if (at_ >= text_.size()) return error("the closing quote is missing");
    ++at_;
    return out;
  }

  Status data(RegistryValue& value) {
    if (text_.substr(at_).starts_with('-')) return error("a package sets values, it cannot delete them");
    if (text_.substr(at_).starts_with('"')) {
      FL_TRY(const std::string text, quoted());
      // Valid UTF-8: the whole file was read as such.
      put_utf16(value.data, utf16_of(text).value_or(u""));
      put_utf16(value.data, std::u16string(1, u'\0'));
      return {};
    }
    if (take("dword:")) return dword(value);
    if (!take("hex")) return error("the data must be text in quotes, dword: or hex:");
    value.type = RegistryType::binary;
    if (take("(")) {
      FL_TRY(const std::uint32_t type, number(8));
      value.type = RegistryType{type};
      if (!take(")")) return error("')' must follow the type's number");
    }
    if (!take(":")) return error("':' must follow the type");
    return bytes(value);
  }

  Result<std::uint32_t> number(std::size_t max_digits) {
    const std::string_view rest = text_.substr(at_, max_digits);
    std::uint32_t out = 0;
    const auto [end, code] = std::from_chars(rest.data(), rest.data() + rest.size(), out, 16);
    if (code != std::errc{}) return error("a hexadecimal number must stand here");
    at_ += static_cast<std::size_t>(end - rest.data());
    return out;
  }

  Status dword(RegistryValue& value) {
    value.type = RegistryType::dword;
    skip_spaces();
    FL_TRY(const std::uint32_t number, number(8));
    for (std::size_t i = 0; i < 4; ++i) value.data.push_back(static_cast<std::byte>(number >> (8 * i) & 0xFFU));
    return {};
  }

  /// `aa,bb,\` and on the next line more.
  Status bytes(RegistryValue& value) {
    std::string raw;
    while (skip_folds(), at_ < text_.size() && std::isxdigit(static_cast<unsigned char>(text_[at_])) != 0) {
      FL_TRY(const std::uint32_t byte, number(2));
      raw += static_cast<char>(byte);
      skip_folds();
      if (!take(",")) break;
    }
    const bool is_text =
        value.type == RegistryType::sz || value.type == RegistryType::expand_sz || value.type == RegistryType::multi_sz;
    if (ansi_ && is_text) {
      put_utf16(value.data, from_ansi(raw));
    } else {
      for (const char c : raw) value.data.push_back(static_cast<std::byte>(c));
    }
    return {};
  }
  /// Spaces, and line ends behind a backslash.
  void skip_folds() {
    for (;;) {
      skip_spaces();
      if (!line().starts_with('\\') || trimmed(line()) != "\\") return;
      skip_line();
    }
  }

  std::string_view text_;
  std::string_view file_;
  RegistryPart part_;
  std::size_t at_ = 0;
  bool ansi_ = false;  ///< REGEDIT4: text in hex is in the code page
  std::vector<RegistryKey> keys_;
};

}  // namespace

Result<std::vector<RegistryKey>> parse_registry_text(std::span<const std::byte> text, std::string_view file,
                                                     RegistryPart part) {
  FL_TRY(const std::string utf8, decoded(text, file));
  return Reader{utf8, file, part}.run();
}

RegistryPart registry_part_of(std::string_view file) {
  return folded(file).ends_with(".rga") ? RegistryPart::additions : RegistryPart::settings;
}

}  // namespace flashline::imaging
