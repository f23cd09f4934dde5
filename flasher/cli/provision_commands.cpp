// `provision build`, `provision info`: provisioning packages.

#include <boost/json.hpp>
#include <spdlog/fmt/fmt.h>

#include "flasher/cli/command.h"
#include "flasher/cli/open_options.h"
#include "flasher/cli/signing_options.h"
#include "imaging/provisioning/ppkg.h"

namespace flashline::line {
namespace {

Result<int> run_build(const Arguments& arguments, Console& console) {
  FL_TRY(const std::time_t time, build_time());
  FL_TRY(const std::optional<imaging::PackageSigner> signer, package_signer_of(arguments, time, console));
  const imaging::PpkgOptions options{.time = time, .catalog = imaging::ppkg_catalog(time, signer ? &*signer : nullptr)};
  FL_TRY(const imaging::WrittenPpkg made,
         imaging::write_ppkg(arguments.operands()[0], arguments.operands()[1], options));
  console.say(fmt::format("{}: {}", made.package.string(), to_hex(made.digest)));
  console.record(boost::json::serialize(boost::json::object{{"type", "result"},
                                                            {"path", made.package.string()},
                                                            {"sha256", to_hex(made.digest)},
                                                            {"signed", signer.has_value()}}));
  return 0;
}

boost::json::array apps_of(const std::vector<imaging::StartupApp>& apps) {
  boost::json::array list;
  for (const imaging::StartupApp& app : apps) list.emplace_back(app.id);
  return list;
}

void show(const std::string& path, const imaging::PpkgFacts& facts, Console& console) {
  console.say(fmt::format("{}\nid        {}\nname      {}\nversion   {}\nowner     {}, rank {}", path, facts.id,
                          facts.name, facts.version, facts.owner, facts.rank));
  for (const imaging::StartupApp& app : facts.answers.foreground) console.say("starts    " + app.id);
  for (const imaging::StartupApp& app : facts.answers.background) console.say("starts    " + app.id + " (background)");
  for (const imaging::ProvisioningSetting& setting : facts.answers.settings) {
    console.say(fmt::format("setting   {} = {}", setting.path, setting.value));
  }
  for (const imaging::PpkgEntry& entry : facts.entries) {
    if (!entry.folder) console.say(fmt::format("file      {} ({} bytes)", entry.path, entry.size));
  }
}

boost::json::object record_of(const std::string& path, const imaging::PpkgFacts& facts) {
  boost::json::array files;
  for (const imaging::PpkgEntry& entry : facts.entries) {
    if (!entry.folder) files.push_back(boost::json::object{{"path", entry.path}, {"size", entry.size}});
  }
  boost::json::array settings;
  for (const imaging::ProvisioningSetting& setting : facts.answers.settings) {
    settings.push_back(
        boost::json::object{{"path", setting.path}, {"value", setting.value}, {"variant", setting.variant}});
  }
  return {{"type", "result"},
          {"path", path},
          {"id", facts.id},
          {"name", facts.name},
          {"version", facts.version},
          {"owner", facts.owner},
          {"rank", facts.rank},
          {"foreground", apps_of(facts.answers.foreground)},
          {"background", apps_of(facts.answers.background)},
          {"settings", std::move(settings)},
          {"files", std::move(files)}};
}

Result<int> run_info(const Arguments& arguments, Console& console) {
  const std::string& path = arguments.operands().front();
  FL_TRY(const imaging::PpkgFacts facts, imaging::read_ppkg(path));
  show(path, facts, console);
  console.record(boost::json::serialize(record_of(path, facts)));
  return 0;
}

}  // namespace

Command provision_build_command() {
  return {
      .name = "provision build",
      .operands = "customizations.xml OUT.ppkg",
      .min_operands = 2,
      .max_operands = 2,
      .summary = "Makes a provisioning package, and its catalog beside it, of an answer file",
      .options = package_signing_options(),
      .examples = {"flashline provision build prov/customizations.xml PanelProv.ppkg --key line.key --cert line.pem"},
      .run = run_build};
}

Command provision_info_command() {
  return {.name = "provision info",
          .operands = "F.ppkg",
          .min_operands = 1,
          .max_operands = 1,
          .summary = "Shows what a provisioning package is, sets and holds",
          .options = {},
          .examples = {"flashline provision info PanelProv.ppkg"},
          .run = run_info};
}

}  // namespace flashline::line
