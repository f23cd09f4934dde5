#include "imaging/workspace/windows_path.h"

#include <algorithm>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/errors/build.h"
#include "imaging/workspace/input_xml.h"

namespace flashline::imaging {
namespace {

namespace fs = std::filesystem;

/// The entry of `folder` that `name` means. An exact match wins only when no other differs by case alone.
Result<fs::path> find_entry(const fs::path& folder, const std::string& name, std::string_view whole) {
  std::vector<std::string> found;
  std::error_code code;
  for (const auto& entry : fs::directory_iterator{folder, code}) {
    std::string entry_name = entry.path().filename().string();
    if (same_word(entry_name, name)) found.push_back(std::move(entry_name));
  }
  if (found.empty()) {
    return fail(errc::input_missing, fmt::format("{}: there is no '{}' in {}", whole, name, folder.string()));
  }
  if (found.size() == 1) return folder / found.front();
  std::ranges::sort(found);
  return fail(errc::input_ambiguous,
              fmt::format("{}: {} has both '{}' and '{}'", whole, folder.string(), found[0], found[1]));
}

bool is_refused(char c) {
  return static_cast<unsigned char>(c) < 0x20 || std::string_view{"<>:\"|?*"}.find(c) != std::string_view::npos;
}

}  // namespace

std::vector<std::string> path_parts(std::string_view path) {
  std::vector<std::string> parts;
  std::string part;
  for (std::size_t at = 0; at <= path.size(); ++at) {
    if (at < path.size() && path[at] != '\\' && path[at] != '/') {
      part.push_back(path[at]);
      continue;
    }
    if (!part.empty() && part != ".") parts.push_back(part);
    part.clear();
  }
  return parts;
}

Result<fs::path> find_input(const fs::path& folder, std::string_view path) {
  const bool absolute = path.starts_with('/');
  fs::path at = absolute ? fs::path{"/"} : folder;
  bool exact = absolute;
  for (const std::string& part : path_parts(path)) {
    // The way to a workspace is this machine's business: neighbours there that differ in case do not matter.
    std::error_code code;
    exact = exact && part != ".." && fs::exists(at / part, code);
    if (exact) {
      at /= part;
      continue;
    }
    if (part == "..") {
      at = (at.empty() ? fs::path{"."} : at) / "..";
      continue;
    }
    FL_TRY(at, find_entry(at.empty() ? fs::path{"."} : at, part, path));
  }
  return at.lexically_normal();
}

Result<std::string> device_path(std::string_view path) {
  std::string result;
  for (const std::string& part : path_parts(path)) {
    if (part == ".." || std::ranges::any_of(part, is_refused) || part.back() == '.' || part.back() == ' ') {
      return fail(errc::path_escapes, fmt::format("'{}' is no path on the device: '{}'", path, part));
    }
    result.append("\\").append(part);
  }
  return result.empty() ? std::string{"\\"} : result;
}

}  // namespace flashline::imaging
