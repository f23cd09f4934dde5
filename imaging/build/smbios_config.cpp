#include "imaging/build/smbios_config.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <spdlog/fmt/fmt.h>
#include <string_view>

#include "imaging/core/errors/build.h"
#include "imaging/core/unicode.h"

namespace flashline::imaging {
namespace {

constexpr std::size_t max_bytes = 1024UL * 1024;

/// A line and where it stands.
struct Line {
  const std::string& file;
  std::size_t number;
  std::string_view text;

  /// `part` is a piece of `text`.
  std::unexpected<Error> error(std::string_view part, std::string_view what) const {
    const auto column = static_cast<std::size_t>(part.data() - text.data()) + 1;
    return fail(errc::smbios_config, fmt::format("{}:{}:{}: {}", file, number, column, what));
  }
};

std::string_view without_end(std::string_view text) {
  const std::size_t last = text.find_last_not_of(" \t\r");
  return text.substr(0, last == std::string_view::npos ? 0 : last + 1);
}

std::optional<std::uint8_t> hex_byte(std::string_view text) {
  std::uint8_t value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (text.size() != 2 || code != std::errc{} || end != text.data() + 2) return std::nullopt;
  return value;
}

/// Pairs of digits; spaces stand where a person wants them.
Result<std::vector<std::uint8_t>> take_bytes(const Line& line, std::string_view text) {
  std::string digits;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == ' ') continue;
    if (std::isxdigit(static_cast<unsigned char>(text[at])) == 0) {
      return line.error(text.substr(at), fmt::format("'{}' is no hexadecimal digit", text[at]));
    }
    digits += text[at];
  }
  if (digits.empty() || digits.size() % 2 != 0) {
    return line.error(text, fmt::format("{} hexadecimal digits: pairs are due", digits.size()));
  }
  std::vector<std::uint8_t> bytes;
  for (std::size_t at = 0; at < digits.size(); at += 2) {
    bytes.push_back(*hex_byte(std::string_view{digits}.substr(at, 2)));
  }
  return bytes;
}

Result<std::string> take_version(const Line& line, std::string_view text) {
  const auto digit = [&](std::size_t at) { return text[at] >= '0' && text[at] <= '9'; };
  if (text.size() == 5 && digit(0) && digit(1) && text[2] == '.' && digit(3) && digit(4)) return std::string{text};
  return line.error(text, fmt::format("'{}' is no version such as 02.06", text));
}

Result<std::string> take_text(const Line& line, std::string_view data) {
  if (data.size() < 2 || data.front() != '"' || data.back() != '"') return line.error(data, "text stands in quotes");
  const std::string_view text = data.substr(1, data.size() - 2);
  if (text.find('"') != std::string_view::npos) return line.error(data, "a quote inside of the text");
  return std::string{text};
}

/// "TT,OO,K,data".
Result<SmbiosField> take_field(const Line& line, std::string_view text) {
  if (text.size() < 8 || text[2] != ',' || text[5] != ',' || text[7] != ',') {
    return line.error(text, "neither CFG:, VER: or ADD: nor type,offset,kind,data");
  }
  SmbiosField field;
  const auto type = hex_byte(text.substr(0, 2));
  if (!type) return line.error(text, "the structure's type is two hexadecimal digits");
  field.type = *type;
  const char kind = text[6];
  if (kind != 'S' && kind != 'I') return line.error(text.substr(6), "the kind is S or I");
  field.is_text = kind == 'S';
  const std::string_view offset = text.substr(3, 2);
  field.offset = hex_byte(offset);
  if (!field.offset && (offset != "XX" || !field.is_text)) {
    return line.error(offset, "the offset is two hexadecimal digits, or XX for a further string");
  }
  if (field.is_text) {
    FL_TRY(field.text, take_text(line, text.substr(8)));
  } else {
    FL_TRY(field.bytes, take_bytes(line, text.substr(8)));
  }
  return field;
}

Status take_line(SmbiosConfig& config, const Line& line) {
  const std::string_view text = without_end(line.text);
  if (text.empty() || text.starts_with('#')) return {};
  const std::string_view rest = text.substr(std::min<std::size_t>(4, text.size()));
  if (text.starts_with("CFG:")) {
    if (!config.format.empty()) return line.error(text, "a second CFG line");
    FL_TRY(config.format, take_version(line, rest));
    return {};
  }
  if (config.format.empty()) return line.error(text, "the first entry is CFG:, the version of the format");
  if (text.starts_with("VER:")) {
    FL_TRY(auto version, take_version(line, rest));
    config.versions.push_back(std::move(version));
  } else if (text.starts_with("ADD:")) {
    FL_TRY(auto bytes, take_bytes(line, rest));
    config.additions.push_back(std::move(bytes));
  } else {
    FL_TRY(auto field, take_field(line, text));
    config.fields.push_back(std::move(field));
  }
  return {};
}

}  // namespace

Result<SmbiosConfig> parse_smbios_config(std::span<const std::byte> bytes, const std::string& file) {
  std::string_view text{reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  if (text.size() > max_bytes) return fail(errc::smbios_config, file + ":1:1: more than 1 MiB");
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  SmbiosConfig config;
  std::size_t number = 1;
  for (; !text.empty(); ++number) {
    const std::size_t end = text.find_first_of("\r\n");
    const Line line{file, number, text.substr(0, end)};
    if (const auto bad = first_invalid_utf8(line.text)) return line.error(line.text.substr(*bad), "not UTF-8");
    FL_CHECK(take_line(config, line));
    // Firmware reads up to the line's end: without one the last entry would be lost.
    if (end == std::string_view::npos && !line.text.starts_with('#')) {
      return line.error(line.text, "the last line has no end");
    }
    const std::size_t length = end == std::string_view::npos ? text.size() : end + 1;
    const bool pair = text[length - 1] == '\r' && length < text.size() && text[length] == '\n';
    text.remove_prefix(length + (pair ? 1 : 0));
  }
  if (config.format.empty()) return fail(errc::smbios_config, fmt::format("{}:{}:1: no CFG line", file, number));
  return config;
}

Result<SmbiosConfig> read_smbios_config(const std::filesystem::path& path) {
  errno = 0;
  std::ifstream in{path, std::ios::binary};
  std::error_code code;
  if (!in || std::filesystem::is_directory(path, code)) {
    return fail(errc::input_open, fmt::format("{}: {}", path.string(), errno != 0 ? std::strerror(errno) : "a folder"));
  }
  std::string text(max_bytes + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad()) return fail(errc::input_open, fmt::format("{}: cannot be read", path.string()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  return parse_smbios_config(std::as_bytes(std::span{text}), path.string());
}

}  // namespace flashline::imaging
