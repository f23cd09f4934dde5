// What of an answer file concerns more than the file itself: the files it names, and the apps of a whole image.

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>
#include <spdlog/fmt/fmt.h>
#include <spdlog/fmt/ranges.h>

#include "imaging/core/digest.h"
#include "imaging/core/errors/build.h"
#include "imaging/provisioning/answer_file.h"
#include "imaging/workspace/input_xml.h"
#include "imaging/workspace/windows_path.h"

namespace flashline::imaging {
namespace {

namespace fs = std::filesystem;

/// SHA-1 over the certificate of Microsoft's product root: its thumbprint, by which Windows knows certificates.
constexpr std::string_view forbidden_thumbprint = "fe8bd26c71e9340ca518c963e340b7380859ee70";
constexpr std::uintmax_t largest_certificate = 64UL * 1024;

Status check_certificate(const ProvisioningAsset& asset, const fs::path& file) {
  std::error_code code;
  if (fs::file_size(file, code) > largest_certificate || code) return {};
  std::ifstream in{file, std::ios::binary};
  const std::string bytes{std::istreambuf_iterator<char>{in}, {}};
  if (to_hex(sha1(std::as_bytes(std::span{bytes}))) != forbidden_thumbprint) return {};
  return fail(errc::ppkg_certificate, fmt::format("{}: '{}' is Microsoft's product root", asset.where, asset.path));
}

/// One app, by all who start it.
using Starts = std::map<std::string, std::vector<std::string>>;

Starts starts_of(const std::vector<AppClaim>& claims, std::vector<StartupApp> AppClaim::* kind) {
  Starts starts;
  for (const AppClaim& claim : claims) {
    for (const StartupApp& app : claim.*kind) {
      starts[folded(app.id)].push_back(fmt::format("{} in {} ({})", app.id, claim.package, app.where));
    }
  }
  return starts;
}

}  // namespace

Result<std::vector<fs::path>> find_assets(const AnswerFile& answers, const fs::path& folder) {
  std::vector<fs::path> files;
  std::vector<std::string> missing;
  for (const ProvisioningAsset& asset : answers.assets) {
    const auto file = find_input(folder, asset.path);
    std::error_code code;
    if (file && fs::is_regular_file(*file, code)) {
      if (asset.kind == ProvisioningAsset::Kind::root_certificate) FL_CHECK(check_certificate(asset, *file));
      files.push_back(*file);
    } else if (!file && file.error().code != errc::input_missing) {
      return std::unexpected{in_context(asset.where, file.error())};
    } else {
      missing.push_back(fmt::format("{}: '{}'", asset.where, asset.path));
    }
  }
  if (missing.empty()) return files;
  return fail(errc::ppkg_asset, fmt::format("{}", fmt::join(missing, "; ")));
}

Status check_startup_apps(const std::vector<AppClaim>& claims) {
  const Starts foreground = starts_of(claims, &AppClaim::foreground);
  if (foreground.size() > 1) {
    std::vector<std::string> all;
    for (const auto& [app, who] : foreground) all.push_back(fmt::format("{}", fmt::join(who, ", ")));
    return fail(errc::foreground_apps, fmt::format("{}", fmt::join(all, "; ")));
  }
  for (const auto& [app, who] : starts_of(claims, &AppClaim::background)) {
    const auto both = foreground.find(app);
    if (both == foreground.end()) continue;
    return fail(errc::background_app, fmt::format("{}; {}", both->second.front(), who.front()));
  }
  return {};
}

}  // namespace flashline::imaging
