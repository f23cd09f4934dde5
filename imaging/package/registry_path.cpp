#include "imaging/package/registry_path.h"

#include <algorithm>
#include <array>
#include <spdlog/fmt/fmt.h>
#include <vector>

#include "imaging/core/errors/package.h"
#include "imaging/workspace/input_xml.h"

namespace flashline::imaging {
namespace {

constexpr std::size_t max_part = 255;   ///< characters of a key's name
constexpr std::size_t max_depth = 512;  ///< keys within keys
constexpr std::array<std::string_view, 5> hives{"SYSTEM", "SOFTWARE", "SAM", "SECURITY", "DRIVERS"};

std::unexpected<Error> bad(std::string_view path, std::string_view what) {
  return fail(errc::registry_key, fmt::format("'{}' {}", path, what));
}

/// The parts between `\`, empty ones too.
std::vector<std::string> key_parts(std::string_view path) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at <= path.size();) {
    const std::size_t end = std::min(path.find('\\', at), path.size());
    parts.emplace_back(path.substr(at, end - at));
    at = end + 1;
  }
  return parts;
}

std::size_t characters_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

bool has_control(std::string_view part) {
  return std::ranges::any_of(part, [](char c) { return static_cast<unsigned char>(c) < 0x20; });
}

Status check_parts(std::string_view path, const std::vector<std::string>& parts) {
  if (parts.back().empty()) return bad(path, "ends with a backslash");
  if (parts.size() > max_depth) return bad(path, "is too deep");
  for (const std::string& part : parts) {
    if (part.empty()) return bad(path, "has an empty part");
    if (characters_of(part) > max_part) return bad(path, "has a part of more than 255 characters");
    if (has_control(part)) return bad(path, "has a control character");
  }
  return {};
}

/// The hive below HKEY_LOCAL_MACHINE, in its usual case.
Status name_hive(std::string_view path, std::vector<std::string>& parts) {
  if (parts.size() < 2) return bad(path, "names no hive");
  if (folded(parts[1]).starts_with("bcd")) return {};
  const auto hive = std::ranges::find_if(hives, [&](std::string_view name) { return same_word(name, parts[1]); });
  if (hive == hives.end()) return bad(path, "lies in no hive of an image");
  parts[1] = *hive;
  if (*hive == "SYSTEM" && parts.size() > 2 && same_word(parts[2], "CurrentControlSet")) parts[2] = "ControlSet001";
  return {};
}

}  // namespace

Result<std::string> registry_path(std::string_view path) {
  std::vector<std::string> parts = key_parts(path);
  FL_CHECK(check_parts(path, parts));
  if (same_word(parts[0], "HKEY_CLASSES_ROOT")) {
    parts[0] = "Classes";
    parts.insert(parts.begin(), {"HKEY_LOCAL_MACHINE", "SOFTWARE"});
  }
  if (same_word(parts[0], "HKEY_LOCAL_MACHINE")) {
    parts[0] = "HKEY_LOCAL_MACHINE";
    FL_CHECK(name_hive(path, parts));
  } else if (same_word(parts[0], "HKEY_USERS")) {
    if (parts.size() < 2 || !same_word(parts[1], ".DEFAULT")) return bad(path, "is no user of an image but .DEFAULT");
    parts[0] = "HKEY_USERS";
    parts[1] = ".DEFAULT";
  } else if (same_word(parts[0], "HKEY_CURRENT_USER")) {
    parts[0] = "HKEY_CURRENT_USER";
  } else {
    return bad(path, "lies in no hive of an image");
  }
  return fmt::format("{}", fmt::join(parts, "\\"));
}

}  // namespace flashline::imaging
