// What lies where in a workspace: definitions of packages, board support packages.

#include <algorithm>
#include <spdlog/fmt/fmt.h>
#include <spdlog/fmt/ranges.h>

#include "imaging/build/workspace.h"
#include "imaging/core/errors/build.h"
#include "imaging/workspace/input_xml.h"
#include "imaging/workspace/windows_path.h"

namespace flashline::imaging {
namespace {

namespace fs = std::filesystem;

bool is_definition(const fs::path& file) {
  const std::string name = folded(file.filename().string());
  return name.ends_with(".wm.xml") || name.ends_with(".pkg.xml");
}

std::vector<std::string> folder_names(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code code;
  for (const auto& entry : fs::directory_iterator{folder, code}) {
    if (entry.is_directory(code)) names.push_back(entry.path().filename().string());
  }
  std::ranges::sort(names);
  return names;
}

Status add_below(const Workspace& workspace, std::string_view path, DefinitionFile::Room room, const std::string& owner,
                 std::vector<DefinitionFile>& all) {
  FL_TRY(const auto folder, workspace_folder(workspace, path));
  if (!folder) return {};
  const auto found = definitions_below(*folder, room, owner);
  all.insert(all.end(), found.begin(), found.end());
  return {};
}

}  // namespace

Result<std::optional<fs::path>> workspace_folder(const Workspace& workspace, std::string_view path) {
  auto found = find_input(workspace.root, path);
  if (found) return *std::move(found);
  if (found.error().code == errc::input_missing) return std::nullopt;
  return std::unexpected{std::move(found).error()};
}

std::vector<DefinitionFile> definitions_below(const fs::path& folder, DefinitionFile::Room room,
                                              const std::string& owner) {
  std::vector<DefinitionFile> found;
  std::error_code code;
  for (const auto& entry : fs::recursive_directory_iterator{folder, code}) {
    if (!entry.is_regular_file(code) || !is_definition(entry.path())) continue;
    const auto answers = find_input(entry.path().parent_path(), "customizations.xml");
    found.push_back({.path = entry.path(), .room = room, .owner = owner, .answer_file = answers.value_or(fs::path{})});
  }
  std::ranges::sort(found, {}, &DefinitionFile::path);
  return found;
}

Result<std::vector<DefinitionFile>> find_definitions(const Workspace& workspace, std::string_view arch) {
  std::vector<DefinitionFile> all;
  FL_CHECK(add_below(workspace, R"(Common\Packages)", DefinitionFile::Room::common, {}, all));
  const std::string source = source_folder(arch);
  FL_CHECK(add_below(workspace, source + R"(\Packages)", DefinitionFile::Room::arch, {}, all));
  FL_TRY(const auto bsps, workspace_folder(workspace, source + R"(\BSP)"));
  if (!bsps) return all;
  for (const std::string& bsp : folder_names(*bsps)) {
    FL_CHECK(
        add_below(workspace, fmt::format(R"({}\BSP\{}\Packages)", source, bsp), DefinitionFile::Room::bsp, bsp, all));
  }
  return all;
}

Result<std::vector<DefinitionFile>> find_product_definitions(const Workspace& workspace, std::string_view arch,
                                                             const std::string& product) {
  std::vector<DefinitionFile> all;
  FL_CHECK(add_below(workspace, R"(Common\ProdPackages)", DefinitionFile::Room::every_product, {}, all));
  FL_CHECK(add_below(workspace, fmt::format(R"({}\Products\{}\Packages)", source_folder(arch), product),
                     DefinitionFile::Room::product, product, all));
  return all;
}

Result<fs::path> find_bsp(const Workspace& workspace, std::string_view arch, std::string_view bsp) {
  FL_TRY(const auto bsps, workspace_folder(workspace, source_folder(arch) + R"(\BSP)"));
  if (bsps && !path_parts(bsp).empty()) {
    auto found = find_input(*bsps, bsp);
    if (found) return *std::move(found);
    if (found.error().code != errc::input_missing) return std::unexpected{std::move(found).error()};
  }
  const auto there = bsps ? folder_names(*bsps) : std::vector<std::string>{};
  return fail(errc::bsp_missing,
              fmt::format("'{}' for {}; there are: {}", bsp, arch,
                          there.empty() ? std::string{"none"} : fmt::format("{}", fmt::join(there, ", "))));
}

std::string below_workspace(std::string text, const fs::path& root) {
  const std::string name = root.string();
  for (std::size_t at = 0; (at = text.find(name, at)) != std::string::npos;) {
    const std::size_t end = at + name.size();
    const bool divided = end < text.size() && (text[end] == '/' || text[end] == '\\');
    text.erase(at, name.size() + (divided ? 1 : 0));
  }
  return text;
}

}  // namespace flashline::imaging
