// `feature merge`: feature identifier packages and merged manifests of a list of manifests.

#include <boost/json.hpp>
#include <filesystem>
#include <spdlog/fmt/fmt.h>

#include "flasher/cli/command.h"
#include "flasher/cli/open_options.h"
#include "flasher/cli/signing_options.h"
#include "imaging/build/build_environment.h"
#include "imaging/core/errors/usage.h"
#include "imaging/feature/merge_files.h"
#include "imaging/workspace/input_xml.h"

namespace flashline::line {
namespace {

namespace fs = std::filesystem;

/// The kit's own names for where cabs lie: without a workspace they all lie in one folder.
constexpr std::string_view cab_folders[] = {"PKGBLD_DIR", "BSPPKG_DIR", "MSPKG_DIR"};

/// The architecture of the list's manifests, as a workspace calls it.
Result<std::string> arch_of(const fs::path& list) {
  FL_TRY(const XmlDocument document, imaging::read_input_xml(list));
  FL_TRY(const imaging::FmList read, imaging::read_fm_list(document));
  if (read.manifests.empty()) return fail(errc::usage, fmt::format("{} lists no manifest", list.string()));
  const imaging::CpuType cpu = read.manifests.front().cpu;
  return cpu == imaging::CpuType::amd64 ? std::string{"x64"} : std::string{imaging::name_of(cpu)};
}

Status take_workspace(const Arguments& arguments, imaging::MergeInputs& inputs) {
  const auto root = arguments.value("--workspace");
  if (!root) return {};
  FL_TRY(const imaging::Workspace workspace, imaging::read_workspace(*root));
  FL_TRY(const std::string arch, arch_of(arguments.operands()[0]));
  FL_TRY(const std::time_t time, build_time());
  FL_TRY(imaging::BuildEnvironment environment, imaging::build_environment(workspace, arch, time));
  inputs.percents = std::move(environment.names);
  inputs.oem_name = std::move(environment.owner);
  inputs.version = environment.version;
  return {};
}

/// What was said on the command line goes before what the workspace says.
Result<imaging::MergeInputs> merge_inputs(const Arguments& arguments) {
  imaging::MergeInputs inputs;
  FL_CHECK(take_workspace(arguments, inputs));
  if (const auto oem = arguments.value("--oem")) {
    inputs.oem_name = *oem;
    inputs.percents.set("OEM_NAME", *oem);
  }
  if (const auto packages = arguments.value("--packages")) {
    for (const std::string_view name : cab_folders) inputs.percents.set(name, fs::absolute(*packages).string());
  }
  if (const auto version = arguments.value("--version")) {
    FL_TRY(inputs.version, imaging::parse_version(*version));
  }
  const bool said = arguments.has("--oem") && arguments.has("--packages") && arguments.has("--version");
  if (said || arguments.has("--workspace")) return inputs;
  return fail(errc::usage, "flashline feature merge: name --workspace, or --oem, --packages and --version");
}

imaging::MergeFolders folders_of(const Arguments& arguments) {
  const fs::path out = *arguments.value("--out");
  imaging::MergeFolders folders{.manifests = {}, .identifiers = out, .merged = out / "MergedFMs"};
  for (const std::string& folder : arguments.values("--fm-dir")) folders.manifests.emplace_back(folder);
  const fs::path beside = fs::path{arguments.operands()[0]}.parent_path();
  folders.manifests.push_back(beside.empty() ? fs::path{"."} : beside);
  return folders;
}

void show(const imaging::MergeResult& merged, const imaging::MergeFolders& folders, Console& console) {
  boost::json::array identifiers;
  for (const imaging::Package& package : merged.identifiers) identifiers.emplace_back(package.identity.name + ".cab");
  boost::json::array manifests;
  for (const imaging::MergedManifest& manifest : merged.manifests) {
    manifests.emplace_back((folders.merged / manifest.name).string());
    console.say(fmt::format("{}", (folders.merged / manifest.name).string()));
  }
  console.say(fmt::format("{} feature identifier packages in {}", identifiers.size(), folders.identifiers.string()));
  console.record(boost::json::serialize(
      boost::json::object{{"type", "result"}, {"manifests", manifests}, {"identifiers", identifiers}}));
}

Result<int> run(const Arguments& arguments, Console& console) {
  if (!arguments.has("--out")) return fail(errc::usage, "flashline feature merge: name --out");
  FL_TRY(const imaging::MergeInputs inputs, merge_inputs(arguments));
  imaging::CabOptions options;
  FL_TRY(options.time, build_time());
  FL_TRY(const std::optional<imaging::PackageSigner> signer, package_signer_of(arguments, options.time, console));
  options.signer = signer ? &*signer : nullptr;
  const imaging::MergeFolders folders = folders_of(arguments);
  FL_TRY(const imaging::MergeResult merged, imaging::merge_files(arguments.operands()[0], folders, inputs, options));
  show(merged, folders, console);
  return 0;
}

}  // namespace

Command feature_merge_command() {
  return {.name = "feature merge",
          .operands = "FMFILELIST",
          .min_operands = 1,
          .max_operands = 1,
          .summary = "Makes identifier packages and merged manifests of the feature manifests of a list",
          .options = joined({{"--out", "DIR", "takes the packages; the manifests go to DIR/MergedFMs"},
                             {"--workspace", "DIR", "where owner, version and folders of cabs are said"},
                             {"--fm-dir", "DIR", "where manifests lie, before the list's own folder", true},
                             {"--packages", "DIR", "where all cabs lie that the manifests name"},
                             {"--oem", "NAME", "what OEM_NAME stands for"},
                             {"--version", "A.B.C.D", "of the identifier packages"}},
                            package_signing_options()),
          .examples = {"flashline feature merge Source-arm/BSP/RPi/Packages/RPiFMFileList.xml --out Build/arm/pkgs "
                       "--workspace .",
                       "flashline feature merge BoardFMFileList.xml --out out --oem Contoso --packages cabs --version "
                       "10.0.0.1"},
          .run = run};
}

}  // namespace flashline::line
