// `new product`, `new package`, `new bsp`: the first files of each.

#include <boost/json.hpp>
#include <spdlog/fmt/fmt.h>
#include <spdlog/fmt/ranges.h>

#include "flasher/cli/command.h"
#include "imaging/build/import_bsp.h"
#include "imaging/build/skeleton.h"
#include "imaging/core/errors/usage.h"

namespace flashline::line {
namespace {

using Made = Result<std::vector<std::filesystem::path>>;

Result<int> show(const Made& made, Console& console) {
  if (!made) return std::unexpected{made.error()};
  for (const auto& path : *made) {
    console.say(path.string());
    console.record(boost::json::serialize(boost::json::object{{"type", "file"}, {"path", path.string()}}));
  }
  return 0;
}

Result<imaging::Workspace> workspace_of(const Arguments& arguments) {
  return imaging::read_workspace(arguments.operands().front());
}

std::string arch_of(const Arguments& arguments, const imaging::Workspace& workspace) {
  return arguments.value("--arch").value_or(workspace.current_arch);
}

imaging::ImageProduct kind_of(const Arguments& arguments) {
  return arguments.has("--linux") ? imaging::ImageProduct::linux_system : imaging::ImageProduct::iot_core;
}

Result<int> run_product(const Arguments& arguments, Console& console) {
  FL_TRY(const imaging::Workspace workspace, workspace_of(arguments));
  const auto bsp = arguments.value("--bsp");
  if (!bsp) return fail(errc::usage, "flashline new product: needs --bsp, the board that it runs on");
  return show(
      imaging::new_product(workspace, arch_of(arguments, workspace), {.name = arguments.operands()[1], .bsp = *bsp}),
      console);
}

Result<int> run_package(const Arguments& arguments, Console& console) {
  FL_TRY(const imaging::Workspace workspace, workspace_of(arguments));
  std::string folder = "Common/Packages";
  if (arguments.has("--arch")) folder = imaging::source_folder(arch_of(arguments, workspace)) + "/Packages";
  if (const auto bsp = arguments.value("--bsp")) {
    FL_TRY(const auto found, imaging::find_bsp(workspace, arch_of(arguments, workspace), *bsp));
    folder = (found / "Packages").string();
  }
  return show(imaging::new_package(workspace, arguments.operands()[1], folder, kind_of(arguments)), console);
}

/// A board that somebody else described.
Result<int> import_board(const std::string& source, const imaging::Workspace& workspace, const std::string& arch_name,
                         const std::string& name, Console& console) {
  FL_TRY(const imaging::WorkspaceArch arch, imaging::workspace_arch(arch_name));
  FL_TRY(const imaging::ImportedBsp made, imaging::import_bsp(source, workspace.root, arch.cpu, name));
  console.say(
      fmt::format("{}: {} files, {}", made.folder.string(), made.files, fmt::join(made.feature_manifests, ", ")));
  if (made.stripped > 0) {
    console.say(fmt::format("{} of its manifests had been merged and are as before again", made.stripped));
  }
  console.record(
      boost::json::serialize(boost::json::object{{"type", "result"},
                                                 {"path", made.folder.string()},
                                                 {"files", made.files},
                                                 {"manifests", boost::json::value_from(made.feature_manifests)},
                                                 {"stripped", made.stripped}}));
  return 0;
}

Result<int> run_bsp(const Arguments& arguments, Console& console) {
  FL_TRY(const imaging::Workspace workspace, workspace_of(arguments));
  if (const auto source = arguments.value("--from")) {
    if (arguments.has("--linux"))
      return fail(errc::usage, "flashline new bsp: --from brings files of its own, leave out --linux");
    return import_board(*source, workspace, arch_of(arguments, workspace), arguments.operands()[1], console);
  }
  return show(imaging::new_bsp(workspace, arch_of(arguments, workspace), arguments.operands()[1], kind_of(arguments)),
              console);
}

const Option linux_option{"--linux", "", "a board that runs Linux; samples/ of Flashline's sources has two whole ones"};
const Option arch_option{"--arch", "ARCH", "arm, arm64, x86 or x64 (default: the workspace's current one)"};

}  // namespace

Command new_product_command() {
  return {.name = "new product",
          .operands = "WORKSPACE NAME",
          .min_operands = 2,
          .max_operands = 2,
          .summary = "Makes a product: settings, OEMInput for test and retail, answer file",
          .options = {{"--bsp", "BSP", "the board that it runs on; its OEMInput samples are taken"}, arch_option},
          .examples = {"flashline new product ws Panel --bsp RPi", "flashline new product samples Lobby --bsp QemuX64"},
          .run = run_product};
}

Command new_package_command() {
  return {.name = "new package",
          .operands = "WORKSPACE NAMESPACE.NAME",
          .min_operands = 2,
          .max_operands = 2,
          .summary = "Makes a package definition, and its feature in the manifest beside it",
          .options = {{"--bsp", "BSP", "a package of that board, instead of Common/Packages"},
                      {"--arch", "ARCH", "a package of that architecture, instead of Common/Packages"},
                      {"--linux", "", "an app for Linux products: a systemd service in the background"}},
          .examples = {"flashline new package ws Custom.Panel", "flashline new package samples App.Clock --linux"},
          .run = run_package};
}

Command new_bsp_command() {
  return {.name = "new bsp",
          .operands = "WORKSPACE NAME",
          .min_operands = 2,
          .max_operands = 2,
          .summary = "Makes a board support package (manifest, list of manifests, OEMInput samples), or imports one",
          .options = {{"--from", "PATH", "import the board NAME that this folder or zip holds, checked"},
                      linux_option,
                      arch_option},
          .examples = {"flashline new bsp ws Board1 --arch x64", "flashline new bsp samples Board1 --linux",
                       "flashline new bsp ws RPi --from RPi.BSP.zip --arch arm"},
          .run = run_bsp};
}

}  // namespace flashline::line
