#include "imaging/feature/detail/part_names.h"

#include <algorithm>
#include <filesystem>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/errors/build.h"
#include "imaging/workspace/input_xml.h"
#include "imaging/workspace/windows_path.h"

namespace flashline::imaging::detail {

std::vector<std::string> part_names(const FmPackage& package, std::string_view name,
                                    const std::vector<std::string>& languages,
                                    const std::vector<std::string>& resolutions) {
  constexpr std::string_view ending = ".cab";
  const bool has_ending = name.size() > ending.size() && same_word(name.substr(name.size() - ending.size()), ending);
  const std::string_view stem = has_ending ? name.substr(0, name.size() - ending.size()) : name;
  const std::string_view tail = name.substr(stem.size());
  std::vector<std::string> names;
  if (!package.no_base) names.emplace_back(name);
  for (const std::string& language : languages) {
    if (package.languages.takes(language)) names.push_back(fmt::format("{}_Lang_{}{}", stem, language, tail));
  }
  for (const std::string& resolution : resolutions) {
    if (package.resolutions.takes(resolution)) names.push_back(fmt::format("{}_Res_{}{}", stem, resolution, tail));
  }
  return names;
}

Result<std::string> Expander::expand(const std::string& text, const std::string& where) const {
  auto expanded = percents_.expand(text);
  if (expanded && expanded->find("$(") != std::string::npos) expanded = dollars_.expand(*expanded);
  if (!expanded) return std::unexpected{in_context(where, expanded.error())};
  return expanded;
}

bool same_folder(std::string_view a, std::string_view b) {
  return std::ranges::equal(path_parts(a), path_parts(b),
                            [](const std::string& x, const std::string& y) { return same_word(x, y); });
}

Result<std::filesystem::path> find_cab(const std::filesystem::path& base, const std::string& folder,
                                       const std::string& cab, const std::string& where) {
  auto found = find_input(base, folder + "\\" + cab);
  if (found) return found;
  if (found.error().code == errc::input_missing) return std::filesystem::path{};
  return std::unexpected{in_context(where, found.error())};
}

}  // namespace flashline::imaging::detail
