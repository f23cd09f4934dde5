// `update build`: the packages that devices need to get from one release to the next.

#include <boost/json.hpp>
#include <fstream>
#include <iterator>
#include <spdlog/fmt/fmt.h>

#include "flasher/cli/command.h"
#include "flasher/cli/open_options.h"
#include "imaging/build/update.h"
#include "imaging/core/errors/package.h"
#include "imaging/core/errors/usage.h"
#include "station-config/values.h"

namespace flashline::line {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

std::unexpected<Error> no_report(const fs::path& path, std::string_view what) {
  return fail(errc::package_set, fmt::format("{}: {}", path.string(), what));
}

/// Text of a member, or nothing.
std::string text_of(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string{value->get_string()} : std::string{};
}

/// What the report of an image (F.ffu.json) says of its packages.
Result<std::vector<imaging::InstalledPackage>> installed_by_report(const fs::path& path) {
  std::ifstream in{path, std::ios::binary};
  const std::string text{std::istreambuf_iterator<char>{in}, {}};
  boost::system::error_code failed;
  const json::value report = json::parse(text, failed);
  const json::value* list = !failed && report.is_object() ? report.get_object().if_contains("packages") : nullptr;
  if (list == nullptr || !list->is_array()) return no_report(path, "no report of an image");
  std::vector<imaging::InstalledPackage> packages;
  for (const json::value& one : list->get_array()) {
    if (!one.is_object()) return no_report(path, "a package that is no object");
    const json::object& object = one.get_object();
    const auto content = config::parse_sha256(text_of(object, "content_sha256"));
    if (!content) return no_report(path, fmt::format("{} has no content_sha256", text_of(object, "cab")));
    FL_TRY(const imaging::Version version, imaging::parse_version(text_of(object, "version")));
    packages.push_back({.name = text_of(object, "name"), .version = version, .content = *content});
  }
  return packages;
}

Result<std::vector<imaging::InstalledPackage>> installed_by(const fs::path& path) {
  if (path.extension() == ".json") return installed_by_report(path);
  FL_TRY(const auto set, imaging::read_package_set(path));
  return imaging::installed(set);
}

void show(const std::string& out, const imaging::Update& update, Console& console) {
  json::array packages;
  for (const imaging::UpdatePackage& one : update.packages) {
    const std::string before = one.before ? to_text(*one.before) : "nothing";
    console.say(fmt::format("{} {}, replaces {}", one.cab, to_text(one.version), before));
    packages.push_back({{"cab", one.cab},
                        {"name", one.name},
                        {"version", to_text(one.version)},
                        {"replaces", one.before ? json::value(before) : json::value(nullptr)},
                        {"size", one.size},
                        {"sha256", to_hex(one.digest)}});
  }
  for (const std::string& name : update.removed) {
    console.warn(fmt::format("{} is gone: no update takes it from a device", name));
  }
  console.say(
      fmt::format("{}: {} packages, {} others stay as they are", out, update.packages.size(), update.kept.size()));
  console.record(json::serialize(json::object{{"type", "result"},
                                              {"path", out},
                                              {"packages", std::move(packages)},
                                              {"kept", json::value_from(update.kept)},
                                              {"removed", json::value_from(update.removed)}}));
}

Result<int> run(const Arguments& arguments, Console& console) {
  const auto out = arguments.value("--out");
  if (!out) return fail(errc::usage, "flashline update build: needs --out, the folder for the update");
  FL_TRY(const imaging::OpenOptions options, open_options_of(arguments));
  FL_TRY(const auto before, installed_by(arguments.operands()[0]));
  FL_TRY(const imaging::Update update, imaging::make_update(before, arguments.operands()[1], *out, options.trust));
  show(*out, update, console);
  return 0;
}

}  // namespace

Command update_build_command() {
  return {.name = "update build",
          .operands = "OLD NEW",
          .min_operands = 2,
          .max_operands = 2,
          .summary =
              "Collects the packages of the folder NEW that devices with OLD need; OLD is a folder of packages "
              "or the report of an image",
          .options = joined({{"--out", "DIR", "takes the packages and update.json, which lists them"}},
                            package_trust_options()),
          .examples = {"flashline update build release-7/pkgs release-8/pkgs --out update-8 --trust oem-ca.pem",
                       "flashline update build panel-7.ffu.json Build/arm64/Panel/Retail/pkgs --out update-8 --trust "
                       "oem-ca.pem"},
          .run = run};
}

}  // namespace flashline::line
