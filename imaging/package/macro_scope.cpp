#include "imaging/package/macro_scope.h"

#include <algorithm>
#include <array>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/errors/package.h"
#include "imaging/package/registry_path.h"
#include "imaging/workspace/windows_path.h"

namespace flashline::imaging {
namespace {

// Where a macro's text came from: characters that no XML file can hold stand before it until it is used.
constexpr char runtime_mark = '\x01';
constexpr char registry_mark = '\x02';
constexpr char env_mark = '\x03';
constexpr std::string_view marks = "\x01\x02\x03";

struct Row {
  std::string_view name;
  std::string_view value;
};

/// From the root of the partition. `env` is the same place as a process sees it.
struct FolderRow {
  std::string_view name;
  std::string_view runtime;
  std::string_view env;
};

constexpr std::array folders{
    FolderRow{"root", "", "%SystemDrive%"},
    FolderRow{"bootDrive", "", "%SystemDrive%"},
    FolderRow{"systemDrive", "", "%SystemDrive%"},
    FolderRow{"windows", R"(\Windows)", "%SystemRoot%"},
    FolderRow{"systemRoot", R"(\Windows)", "%SystemRoot%"},
    FolderRow{"system32", R"(\Windows\System32)", R"(%SystemRoot%\System32)"},
    FolderRow{"system", R"(\Windows\System)", R"(%SystemRoot%\System)"},
    FolderRow{"drivers", R"(\Windows\System32\drivers)", R"(%SystemRoot%\System32\drivers)"},
    FolderRow{"wbem", R"(\Windows\System32\wbem)", R"(%SystemRoot%\System32\wbem)"},
    FolderRow{"inf", R"(\Windows\INF)", R"(%SystemRoot%\INF)"},
    FolderRow{"fonts", R"(\Windows\Fonts)", R"(%SystemRoot%\Fonts)"},
    FolderRow{"help", R"(\Windows\Help)", R"(%SystemRoot%\Help)"},
    FolderRow{"appPatch", R"(\Windows\AppPatch)", R"(%SystemRoot%\AppPatch)"},
    FolderRow{"mui", R"(\Windows\MUI)", R"(%SystemRoot%\MUI)"},
    FolderRow{"sysWow64", R"(\Windows\SysWOW64)", R"(%SystemRoot%\SysWOW64)"},
    FolderRow{"programFiles", R"(\Program Files)", "%ProgramFiles%"},
    FolderRow{"programFilesX86", R"(\Program Files (x86))", "%ProgramFiles(x86)%"},
    FolderRow{"commonFiles", R"(\Program Files\Common Files)", "%CommonProgramFiles%"},
    FolderRow{"programData", R"(\ProgramData)", "%ProgramData%"},
    FolderRow{"startMenu", R"(\ProgramData\Microsoft\Windows\Start Menu)",
              R"(%ProgramData%\Microsoft\Windows\Start Menu)"},
    FolderRow{"apps", R"(\Programs)", R"(%SystemDrive%\Programs)"},
    FolderRow{"data", R"(\Data)", R"(%SystemDrive%\Data)"},
    FolderRow{"sharedData", R"(\Data\SharedData)", R"(%SystemDrive%\Data\SharedData)"},
    FolderRow{"clipAppLicenseInstall", R"(\ProgramData\Microsoft\Windows\ClipSVC\Install\Apps)",
              R"(%ProgramData%\Microsoft\Windows\ClipSVC\Install\Apps)"},
    FolderRow{"userProfile", R"(\Users\Default)", "%UserProfile%"},
    FolderRow{"documentSettings", R"(\Users)", R"(%SystemDrive%\Users)"},
};

constexpr std::array keys{
    Row{"hklm.system", R"(HKEY_LOCAL_MACHINE\SYSTEM)"},
    Row{"hklm.software", R"(HKEY_LOCAL_MACHINE\SOFTWARE)"},
    Row{"hklm.hardware", R"(HKEY_LOCAL_MACHINE\HARDWARE)"},
    Row{"hklm.sam", R"(HKEY_LOCAL_MACHINE\SAM)"},
    Row{"hklm.security", R"(HKEY_LOCAL_MACHINE\SECURITY)"},
    Row{"hklm.bcd", R"(HKEY_LOCAL_MACHINE\BCD00000000)"},
    Row{"hklm.drivers", R"(HKEY_LOCAL_MACHINE\DRIVERS)"},
    Row{"hklm.currentControlSet", R"(HKEY_LOCAL_MACHINE\SYSTEM\ControlSet001)"},
    Row{"hklm.control", R"(HKEY_LOCAL_MACHINE\SYSTEM\ControlSet001\Control)"},
    Row{"hklm.services", R"(HKEY_LOCAL_MACHINE\SYSTEM\ControlSet001\Services)"},
    Row{"hklm.enum", R"(HKEY_LOCAL_MACHINE\SYSTEM\ControlSet001\Enum)"},
    Row{"hklm.autologger", R"(HKEY_LOCAL_MACHINE\SYSTEM\ControlSet001\Control\WMI\Autologger)"},
    Row{"hklm.microsoft", R"(HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft)"},
    Row{"hklm.windows", R"(HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows)"},
    Row{"hklm.windowsNT", R"(HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows NT\CurrentVersion)"},
    Row{"hklm.policies", R"(HKEY_LOCAL_MACHINE\SOFTWARE\Policies)"},
    Row{"hklm.svchost", R"(HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows NT\CurrentVersion\SvcHost)"},
    Row{"hkcr.root", R"(HKEY_LOCAL_MACHINE\SOFTWARE\Classes)"},
    Row{"hkcr.classes", R"(HKEY_LOCAL_MACHINE\SOFTWARE\Classes)"},
    Row{"hkcu.root", "HKEY_CURRENT_USER"},
    Row{"hkuser.default", R"(HKEY_USERS\.DEFAULT)"},
};

bool is_mark(char c) { return marks.contains(c); }

bool is_id(std::string_view id) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  const auto inner = [&](char c) { return letter(c) || (c >= '0' && c <= '9') || c == '.'; };
  return !id.empty() && letter(id.front()) && std::ranges::all_of(id, inner);
}

std::string without_marks(std::string text) {
  std::erase_if(text, is_mark);
  return text;
}

/// `text` behind the mark that it must begin with; nullopt when it begins otherwise or has another mark inside.
std::optional<std::string_view> behind(std::string_view text, char mark) {
  if (text.empty() || text.front() != mark || std::ranges::any_of(text.substr(1), is_mark)) return std::nullopt;
  return text.substr(1);
}

std::string release_folder(const DefinitionInputs& in) {
  return in.payload_root.empty() ? std::string{".\\"} : std::filesystem::absolute(in.payload_root).string() + "\\";
}

}  // namespace

MacroScope::MacroScope(const DefinitionInputs& in) : variables_{in.dollars} {
  if (!variables_.has("_RELEASEDIR")) variables_.set("_RELEASEDIR", release_folder(in));
  for (const FolderRow& row : folders) {
    variables_.set(fmt::format("runtime.{}", row.name), fmt::format("{}{}", runtime_mark, row.runtime));
    variables_.set(fmt::format("env.{}", row.name), fmt::format("{}{}", env_mark, row.env));
  }
  for (const Row& row : keys) variables_.set(row.name, fmt::format("{}{}", registry_mark, row.value));
}

Status MacroScope::define(std::string_view id, std::string_view value) {
  if (!is_id(id)) return fail(errc::macro_name, fmt::format("'{}' is no macro id", id));
  if (variables_.has(id)) return fail(errc::macro_name, fmt::format("'{}' is defined already", id));
  variables_.set(id, std::string{value});
  return {};
}

Result<std::string> MacroScope::text(std::string_view raw) const {
  FL_TRY(std::string expanded, variables_.expand(raw));
  if (expanded.contains(env_mark)) {
    return fail(errc::macro_place, fmt::format("'{}' is no REG_EXPAND_SZ value, yet it uses $(env...)", raw));
  }
  return without_marks(std::move(expanded));
}

Result<std::string> MacroScope::expandable(std::string_view raw) const {
  FL_TRY(std::string expanded, variables_.expand(raw));
  return without_marks(std::move(expanded));
}

Result<std::string> MacroScope::device_place(std::string_view raw) const {
  FL_TRY(const std::string expanded, variables_.expand(raw));
  const auto place = behind(expanded, runtime_mark);
  if (!place) return fail(errc::destination_folder, fmt::format("'{}' is no place on the device", raw));
  return device_path(*place);
}

Result<std::string> MacroScope::key(std::string_view raw) const {
  FL_TRY(const std::string expanded, variables_.expand(raw));
  const auto path = behind(expanded, registry_mark);
  if (!path) return fail(errc::registry_key, fmt::format("'{}' begins with no registry macro", raw));
  return registry_path(*path);
}

}  // namespace flashline::imaging
