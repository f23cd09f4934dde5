// `package build`: package definitions become cabinets.

#include <boost/json.hpp>
#include <optional>
#include <spdlog/fmt/fmt.h>

#include "flasher/cli/command.h"
#include "flasher/cli/open_options.h"
#include "flasher/cli/signing_options.h"
#include "imaging/build/build_environment.h"
#include "imaging/core/errors/image.h"
#include "imaging/core/errors/package.h"
#include "imaging/core/errors/usage.h"
#include "imaging/core/nearest.h"
#include "imaging/package/cab.h"
#include "imaging/package/definition.h"
#include "imaging/provisioning/ppkg.h"
#include "imaging/workspace/input_xml.h"

namespace flashline::line {
namespace {

namespace fs = std::filesystem;
using imaging::DefinitionFile;

/// Everything but the definition itself.
struct Setting {
  std::optional<imaging::Workspace> workspace;
  std::string arch;
  imaging::DefinitionInputs inputs;
  fs::path out;
  fs::path provisioning;  ///< where definitions look for provisioning packages; empty without a workspace
  std::optional<imaging::PackageSigner> signer;
  std::time_t time = 0;
};

/// The workspace that holds `place`, or nothing.
Result<std::optional<imaging::Workspace>> workspace_around(const fs::path& place) {
  std::error_code code;
  for (fs::path folder = fs::absolute(place, code).parent_path(); !folder.empty(); folder = folder.parent_path()) {
    if (fs::exists(folder / "IoTWorkspace.xml", code)) {
      FL_TRY(imaging::Workspace found, imaging::read_workspace(folder));
      return found;
    }
    if (folder == folder.root_path()) break;
  }
  return std::nullopt;
}

Result<std::optional<imaging::Workspace>> workspace_of(const Arguments& arguments) {
  for (const char* option : {"--all", "--workspace"}) {
    if (const auto folder = arguments.value(option)) {
      FL_TRY(imaging::Workspace found, imaging::read_workspace(*folder));
      return found;
    }
  }
  return workspace_around(arguments.operands().front());
}

/// --define NAME=VALUE, for $(NAME) of a definition. Errors: usage.
Status define_macros(const Arguments& arguments, imaging::Variables& macros) {
  for (const std::string& text : arguments.values("--define")) {
    const std::size_t divide = text.find('=');
    if (divide == std::string::npos || divide == 0)
      return fail(errc::usage, fmt::format("--define {}: not NAME=VALUE", text));
    macros.set(text.substr(0, divide), text.substr(divide + 1));
  }
  return {};
}

Status apply_environment(const imaging::Workspace& workspace, Setting& setting) {
  FL_TRY(const imaging::BuildEnvironment environment,
         imaging::build_environment(workspace, setting.arch, setting.time));
  setting.inputs.dollars = environment.macros;
  setting.inputs.version = environment.version;
  setting.inputs.cpu = environment.cpu;
  setting.inputs.build_type = environment.build_type;
  setting.out = environment.packages;
  setting.provisioning = environment.provisioning;
  return {};
}

Result<Setting> setting_of(const Arguments& arguments, Console& console) {
  Setting setting;
  FL_TRY(setting.time, build_time());
  FL_TRY(setting.workspace, workspace_of(arguments));
  setting.arch = arguments.value("--arch").value_or(setting.workspace ? setting.workspace->current_arch : "arm");
  FL_TRY(const imaging::WorkspaceArch arch, imaging::workspace_arch(setting.arch));
  setting.arch = arch.name;
  setting.inputs.cpu = arch.cpu;
  setting.inputs.version = {.major = 10};
  if (setting.workspace) FL_CHECK(apply_environment(*setting.workspace, setting));
  if (const auto version = arguments.value("--version")) {
    FL_TRY(setting.inputs.version, imaging::parse_version(*version));
  }
  FL_CHECK(define_macros(arguments, setting.inputs.dollars));
  if (const auto out = arguments.value("--out")) setting.out = *out;
  FL_TRY(setting.signer, package_signer_of(arguments, setting.time, console));
  return setting;
}

/// "Contoso.App" for Contoso.App/Contoso.App.wm.xml.
std::string stem_of(const fs::path& definition) {
  const std::string name = definition.filename().string();
  return name.substr(0, name.size() - (imaging::folded(name).ends_with(".pkg.xml") ? 8 : 7));
}

/// What is built: a file that is there, or the name of one in the workspace.
Result<DefinitionFile> definition_of(const std::string& operand, const Setting& setting) {
  std::error_code code;
  if (fs::is_regular_file(operand, code)) {
    for (DefinitionFile& file :
         imaging::definitions_below(fs::absolute(operand, code).parent_path(), DefinitionFile::Room::arch, "")) {
      if (fs::equivalent(file.path, operand, code)) return {std::move(file)};
    }
    return DefinitionFile{.path = operand, .room = DefinitionFile::Room::arch, .owner = "", .answer_file = {}};
  }
  if (!setting.workspace)
    return fail(errc::package_unknown, fmt::format("{}: no such file, and no workspace to look in", operand));
  FL_TRY(const auto all, imaging::find_definitions(*setting.workspace, setting.arch));
  std::vector<std::string> names;
  for (const DefinitionFile& file : all) {
    if (imaging::same_word(stem_of(file.path), operand) || imaging::same_word(file.path.filename().string(), operand))
      return file;
    names.push_back(stem_of(file.path));
  }
  const auto meant = nearest(operand, {names.begin(), names.end()});
  return fail(errc::package_unknown,
              fmt::format("{}: no package of {} has that name{}", operand, setting.workspace->root.string(),
                          meant ? fmt::format(", did you mean {}?", *meant) : ""));
}

Status make_folder(const fs::path& folder) {
  std::error_code code;
  if (folder.empty() || fs::create_directories(folder, code) || !code) return {};
  return fail(errc::image_write, fmt::format("{}: {}", folder.string(), code.message()));
}

/// The answer file beside a definition becomes the provisioning package that the definition names as a source.
Status provision(const DefinitionFile& file, const Setting& setting) {
  if (file.answer_file.empty() || setting.provisioning.empty()) return {};
  FL_CHECK(make_folder(setting.provisioning));
  const imaging::PackageSigner* const signer = setting.signer ? &*setting.signer : nullptr;
  const imaging::PpkgOptions options{.time = setting.time, .catalog = imaging::ppkg_catalog(setting.time, signer)};
  const fs::path out = setting.provisioning / (stem_of(file.path) + ".ppkg");
  FL_TRY([[maybe_unused]] const auto made, imaging::write_ppkg(file.answer_file, out, options));
  return {};
}

/// Writes the cabinets of one definition and tells which.
Status build(const DefinitionFile& file, const Setting& setting, Console& console) {
  FL_CHECK(provision(file, setting));
  FL_TRY(const auto packages, imaging::read_definition(file.path, setting.inputs));
  FL_CHECK(make_folder(setting.out));
  for (const imaging::Package& package : packages) {
    const fs::path cab = setting.out / (package.identity.name + ".cab");
    FL_CHECK(imaging::write_cab(cab, package,
                                {.time = setting.time, .signer = setting.signer ? &*setting.signer : nullptr}));
    console.say(fmt::format("{}: {}, {} for {}", cab.string(), package.identity.name, to_text(package.identity.version),
                            name_of(package.identity.cpu)));
    console.record(boost::json::serialize(boost::json::object{{"type", "result"},
                                                              {"definition", file.path.string()},
                                                              {"path", cab.string()},
                                                              {"name", package.identity.name},
                                                              {"version", to_text(package.identity.version)},
                                                              {"files", package.files.size()}}));
  }
  return {};
}

/// A definition that fails is told and counted, the others are built all the same.
Result<int> build_all(const Setting& setting, Console& console) {
  FL_TRY(const auto all, imaging::find_definitions(*setting.workspace, setting.arch));
  std::size_t failed = 0;
  int exit_code = 0;
  for (const DefinitionFile& file : all) {
    const Status status = build(file, setting, console);
    if (status) continue;
    console.report(status.error());
    ++failed;
    exit_code = exit_code_of(status.error().code);
  }
  console.say(fmt::format("{} of {} package definitions built", all.size() - failed, all.size()));
  console.record(boost::json::serialize(
      boost::json::object{{"type", "summary"}, {"definitions", all.size()}, {"failed", failed}}));
  return exit_code;
}

Result<int> run(const Arguments& arguments, Console& console) {
  if (arguments.has("--all") == !arguments.operands().empty()) {
    return fail(errc::usage, "flashline package build: name one definition, or --all WORKSPACE");
  }
  FL_TRY(const Setting setting, setting_of(arguments, console));
  if (arguments.has("--all")) return build_all(setting, console);
  FL_TRY(const DefinitionFile file, definition_of(arguments.operands().front(), setting));
  FL_CHECK(build(file, setting, console));
  return 0;
}

}  // namespace

Command package_build_command() {
  return {.name = "package build",
          .operands = "[X.wm.xml|NAME]",
          .min_operands = 0,
          .max_operands = 1,
          .summary = "Makes a package (or with --all each one of a workspace) of its definition",
          .options = joined(
              {{"--all", "WORKSPACE", "build all definitions that belong to no product; one that fails is counted"},
               {"--workspace", "DIR", "where names are looked up (default: the one around the definition)"},
               {"--arch", "ARCH", "arm, arm64, x86 or x64 (default: the workspace's current one, or arm)"},
               {"--version", "V", "version of the packages (default: the workspace's, or 10.0.0.0)"},
               {"--define", "NAME=VALUE", "what $(NAME) means in the definition", true},
               {"--out", "DIR", "where cabinets go (default: the workspace's folder for packages, or here)"}},
              package_signing_options()),
          .examples = {"flashline package build Drivers.GPIO --workspace ~/panel --key test.key --cert test.pem",
                       "SOURCE_DATE_EPOCH=1767225600 flashline package build --all ~/panel --arch arm64"},
          .run = run};
}

}  // namespace flashline::line
