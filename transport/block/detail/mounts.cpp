#include "transport/block/detail/mounts.h"

#include <algorithm>
#include <cstdio>
#include <ranges>
#include <sstream>
#include <sys/sysmacros.h>

namespace flashline::transport::detail {
namespace {

// The kernel writes space, tab, newline and backslash as three octal digits.
std::string unescape(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size()) {
      plain += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
      i += 3;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

std::vector<std::string> words_of(const std::string& line) {
  std::istringstream in{line};
  return {std::istream_iterator<std::string>{in}, {}};
}

}  // namespace

std::vector<Mount> parse_mounts(std::string_view mountinfo) {
  std::vector<Mount> mounts;
  std::istringstream lines{std::string{mountinfo}};
  for (std::string line; std::getline(lines, line);) {
    const auto words = words_of(line);
    // The number of optional fields varies; a lone dash ends them, then come type and source.
    const auto dash = std::ranges::find(words, "-");
    unsigned major_part = 0;
    unsigned minor_part = 0;
    if (words.size() < 7 || std::ranges::distance(dash, words.end()) < 3) continue;
    if (std::sscanf(words[2].c_str(), "%u:%u", &major_part, &minor_part) != 2) continue;
    mounts.push_back({makedev(major_part, minor_part), unescape(words[4]), unescape(*(dash + 2))});
  }
  return mounts;
}

const Mount* mount_of(const std::vector<Mount>& mounts, const std::filesystem::path& path) {
  const Mount* best = nullptr;
  for (const auto& mount : mounts) {
    const bool nearer = best == nullptr || mount.at.native().size() >= best->at.native().size();
    if (nearer && is_inside(path, mount.at)) best = &mount;
  }
  return best;
}

std::vector<std::filesystem::path> parse_swaps(std::string_view swaps) {
  std::vector<std::filesystem::path> paths;
  std::istringstream lines{std::string{swaps}};
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with('/')) paths.emplace_back(unescape(words_of(line).front()));
  }
  return paths;
}

std::filesystem::path real_path_of(const std::filesystem::path& path) {
  std::error_code error;
  const auto absolute = std::filesystem::absolute(path, error);
  if (error || path.empty()) return {};
  auto real = std::filesystem::weakly_canonical(absolute, error);
  return error ? std::filesystem::path{} : real;
}

bool is_inside(const std::filesystem::path& path, const std::filesystem::path& folder) {
  const auto [in_path, in_folder] = std::ranges::mismatch(path, folder);
  // "/a/" has an empty last part; it names the same folder as "/a".
  return in_folder == folder.end() || in_folder->empty();
}

}  // namespace flashline::transport::detail
