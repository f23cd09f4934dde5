#include "imaging/build/workspace.h"

#include <algorithm>
#include <fstream>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/errors/build.h"
#include "imaging/workspace/input_xml.h"
#include "imaging/workspace/windows_path.h"

namespace flashline::imaging {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view workspace_file = "IoTWorkspace.xml";

Result<std::string> checked_owner(const XmlDocument& document, const XmlElement& config) {
  const XmlElement* element = find_child(config, "OemName");
  if (element == nullptr || trimmed(element->text).empty()) return std::string{"Contoso"};
  const std::string_view name = trimmed(element->text);
  const bool plain = std::ranges::all_of(
      name, [](char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); });
  if (plain) return std::string{name};
  return document.error(errc::workspace_owner, element->text_offset, fmt::format("OemName '{}'", name));
}

Result<Version> version_at(const XmlDocument& document, const XmlElement& element) {
  const auto version = parse_version(trimmed(element.text));
  if (version) return *version;
  return document.error(version.error().code, element.text_offset, version.error().detail);
}

Result<WorkspaceEnvironment> read_environment(const XmlDocument& document, const XmlElement& element) {
  FL_CHECK(check_known(document, element, {"Name"}, {"BSPVersion", "BSPPkgDir"}));
  FL_TRY(const std::string name, required_attribute(document, element, "Name"));
  const auto arch = workspace_arch(name);
  if (!arch) return document.error(errc::workspace_arch, element.offset, arch.error().detail);
  WorkspaceEnvironment environment{.arch = std::string{arch->name}};
  if (const XmlElement* version = find_child(element, "BSPVersion")) {
    FL_TRY(environment.version, version_at(document, *version));
  }
  if (auto packages = child_text(element, "BSPPkgDir"); packages && !packages->empty()) {
    environment.bsp_packages = *std::move(packages);
  }
  return environment;
}

Status read_config(const XmlDocument& document, const XmlElement& config, Workspace& workspace) {
  FL_CHECK(check_known(
      document, config, {},
      {"OemName", "BuildDir", "MSPkgRoot", "eWDK_ISO", "WindowsSDKVersion", "EVSignToolParam", "RetailSignToolParam"}));
  FL_TRY(workspace.oem_name, checked_owner(document, config));
  const auto take = [&](std::string_view name, std::string& value) {
    if (auto text = child_text(config, name); text && !text->empty()) value = *std::move(text);
  };
  take("BuildDir", workspace.build_folder);
  take("MSPkgRoot", workspace.kit_folder);
  return {};
}

Result<Workspace> read_settings(const fs::path& file) {
  FL_TRY(const XmlDocument document, read_input_xml(file));
  return parse_workspace(document, fs::absolute(file).parent_path());
}

/// The first line of a versioninfo.txt of the older kit.
Result<std::optional<Version>> older_version(const Workspace& workspace, std::string_view arch) {
  const auto file = find_input(workspace.root, fmt::format(R"({}\Packages\versioninfo.txt)", source_folder(arch)));
  if (!file) return std::nullopt;
  std::ifstream in{*file};
  std::string line;
  std::getline(in, line);
  const auto version = parse_version(trimmed(line));
  if (version) return *version;
  return fail(version.error().code, fmt::format("{}:1:1: {}", file->string(), version.error().detail));
}

Result<Workspace> older_workspace(const fs::path& root) {
  Workspace workspace{.root = fs::absolute(root).lexically_normal()};
  bool any = false;
  for (const WorkspaceArch& arch : workspace_archs()) {
    FL_TRY(const auto folder, workspace_folder(workspace, source_folder(arch.name)));
    if (!folder) continue;
    if (!any) workspace.current_arch = arch.name;
    any = true;
    FL_TRY(const auto version, older_version(workspace, arch.name));
    workspace.environments.push_back({.arch = std::string{arch.name}, .version = version.value_or(Version{10})});
  }
  if (any) return workspace;
  return fail(errc::workspace_invalid,
              fmt::format("{}: neither {} nor a folder Source-<arch>", root.string(), workspace_file));
}

}  // namespace

WorkspaceEnvironment Workspace::environment(std::string_view arch) const {
  const auto found =
      std::ranges::find_if(environments, [&](const WorkspaceEnvironment& one) { return same_word(one.arch, arch); });
  if (found != environments.end()) return *found;
  return {.arch = std::string{arch}};
}

const std::vector<WorkspaceArch>& workspace_archs() {
  static const std::vector<WorkspaceArch> all{{"arm", "arm", CpuType::arm},
                                              {"arm64", "arm64", CpuType::arm64},
                                              {"x86", "x86", CpuType::x86},
                                              {"x64", "amd64", CpuType::amd64}};
  return all;
}

Result<WorkspaceArch> workspace_arch(std::string_view name) {
  for (const WorkspaceArch& arch : workspace_archs()) {
    if (same_word(arch.name, name) || same_word(arch.bsp_arch, name)) return arch;
  }
  return fail(errc::workspace_arch, fmt::format("'{}' is no architecture", name));
}

std::string source_folder(std::string_view arch) { return fmt::format("Source-{}", arch); }

Result<Workspace> parse_workspace(const XmlDocument& document, const fs::path& root) {
  if (!same_word(local_name(document.root.name), "IoTWorkspace")) {
    return document.error(errc::workspace_invalid, document.root.offset,
                          fmt::format("<{}> is not <IoTWorkspace>", document.root.name));
  }
  FL_CHECK(check_known(document, document.root, {}, {"CurrentEnv", "Config", "Env", "Security"}));
  Workspace workspace{.root = root};
  if (const XmlElement* current = find_child(document.root, "CurrentEnv")) {
    const auto arch = workspace_arch(trimmed(current->text));
    if (!arch) return document.error(errc::workspace_arch, current->offset, arch.error().detail);
    workspace.current_arch = arch->name;
  }
  if (const XmlElement* config = find_child(document.root, "Config")) {
    FL_CHECK(read_config(document, *config, workspace));
  }
  for (const XmlElement& child : document.root.children) {
    if (!same_word(local_name(child.name), "Env")) continue;
    FL_TRY(auto environment, read_environment(document, child));
    workspace.environments.push_back(std::move(environment));
  }
  return workspace;
}

Result<Workspace> read_workspace(const fs::path& root) {
  std::error_code code;
  if (!fs::is_directory(root, code)) {
    if (!fs::exists(root, code)) return fail(errc::workspace_invalid, fmt::format("{}: not there", root.string()));
    return read_settings(root);
  }
  const auto file = find_input(root, workspace_file);
  if (file) return read_settings(*file);
  if (file.error().code != errc::input_missing) return std::unexpected{file.error()};
  return older_workspace(root);
}

}  // namespace flashline::imaging
