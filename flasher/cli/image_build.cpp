// `image build`: from a workspace to a full flash update image.

#include <boost/json.hpp>
#include <cstdlib>
#include <spdlog/fmt/fmt.h>

#include "flasher/cli/command.h"
#include "flasher/cli/open_options.h"
#include "flasher/cli/signing_options.h"
#include "imaging/build/build_image.h"
#include "imaging/core/errors/usage.h"
#include "imaging/trust/verify_catalog.h"

namespace flashline::line {
namespace {

Result<imaging::BuildConfig> config_of(const Arguments& arguments) {
  const std::string text = arguments.value("--config").value_or("Test");
  if (const auto config = imaging::build_config_of(text)) return *config;
  return fail(errc::usage, fmt::format("--config {}: not Test or Retail", text));
}

Result<std::string> required(const Arguments& arguments, std::string_view option) {
  if (auto value = arguments.value(option)) return *std::move(value);
  return fail(errc::usage, fmt::format("flashline image build: needs {}", option));
}

/// Who signs packages that others deliver; our own certificate is among them.
Result<imaging::TrustPolicy> trust_of(const Arguments& arguments, std::time_t time) {
  imaging::TrustPolicy trust;
  for (const std::string& path : arguments.values("--trust")) {
    FL_TRY(imaging::TrustAnchor anchor, imaging::load_anchor(path, false));
    trust.anchors.push_back(std::move(anchor));
  }
  for (const std::string& path : arguments.values("--trust-test")) {
    FL_TRY(imaging::TrustAnchor anchor, imaging::load_anchor(path, true));
    trust.anchors.push_back(std::move(anchor));
  }
  FL_TRY(trust.stamp_anchors, stamp_anchors_of(arguments));
  if (const auto own = arguments.value("--cert")) {
    FL_TRY(imaging::TrustAnchor anchor, imaging::load_anchor(*own, false));
    trust.anchors.push_back(std::move(anchor));
  }
  trust.clock = {.kind = imaging::ClockPolicy::Kind::now, .at = time};
  return trust;
}

Result<imaging::ImageBuildOptions> build_options_of(const Arguments& arguments) {
  imaging::ImageBuildOptions options;
  options.workspace = arguments.operands().front();
  FL_TRY(options.product, required(arguments, "--product"));
  FL_TRY(options.out, required(arguments, "--out"));
  FL_TRY(options.config, config_of(arguments));
  FL_TRY(options.time, build_time());
  options.arch = arguments.value("--arch");
  options.stand_ins = arguments.has("--stand-ins");
  options.fixed_time = std::getenv("SOURCE_DATE_EPOCH") != nullptr;
  FL_TRY(options.trust, trust_of(arguments, options.time));
  return options;
}

void show(const imaging::ImageBuildOptions& options, const imaging::ImageBuild& build, Console& console) {
  for (const std::string& warning : build.warnings) console.warn(warning);
  for (const imaging::UsedCertificate& one : build.report.certificates) {
    warn_of_expiry(one.subject, one.not_after, console);
  }
  // An image that is taken over has no report: what would sign it is still worth a word.
  if (build.reused && options.signer != nullptr) {
    const imaging::Signer& signer = options.signer->signer();
    warn_of_expiry(signer.name(), signer.not_after(), console);
  }
  if (build.missing > 0) {
    console.warn(
        fmt::format("stand-ins for {} missing packages and manifests: the image is not for shipping", build.missing));
  }
  const std::string out = options.out.string();
  console.say(build.reused ? fmt::format("{}: nothing changed", out)
                           : fmt::format("{}: {} packages ({} built, {} taken over, {} delivered), {} files", out,
                                         build.report.packages.size(), build.cabs.built, build.cabs.reused,
                                         build.cabs.delivered, build.report.files.size()));
  console.record(boost::json::serialize(boost::json::object{{"type", "result"},
                                                            {"path", out},
                                                            {"report", out + ".json"},
                                                            {"reused", build.reused},
                                                            {"built", build.cabs.built},
                                                            {"taken_over", build.cabs.reused},
                                                            {"delivered", build.cabs.delivered},
                                                            {"stand_ins", build.missing}}));
}

Result<int> run(const Arguments& arguments, Console& console) {
  FL_TRY(imaging::ImageBuildOptions options, build_options_of(arguments));
  FL_TRY(std::optional<imaging::Signer> key, signer_of(arguments));
  std::optional<imaging::PackageSigner> signer;
  if (key) signer.emplace(*std::move(key), options.time);
  options.signer = signer ? &*signer : nullptr;
  if (console.draws()) options.progress = [&console](const std::string& line) { console.draw(line); };
  const auto build = imaging::build_image(options);
  if (console.draws()) console.draw({});
  if (!build) return std::unexpected{build.error()};
  show(options, *build, console);
  return 0;
}

}  // namespace

Command image_build_command() {
  return {.name = "image build",
          .operands = "WORKSPACE",
          .min_operands = 1,
          .max_operands = 1,
          .summary = "Builds a product's image from its workspace: packages, features, disk, signed image, report",
          .options = joined({{"--product", "P", "which product"},
                             {"--config", "Test|Retail", "which of its two forms (default Test)"},
                             {"--out", "F.ffu", "the image; F.ffu.json and F.ffu.html say what is in it"},
                             {"--arch", "ARCH", "arm, arm64, x86 or x64, where several have a product of that name"},
                             {"--stand-ins", "", "Test only: empty packages in the place of those that are missing"},
                             {"--trust", "CERT.pem", "whose signature counts on packages that others deliver", true},
                             {"--trust-test", "CERT.pem", "the same, for Test images only", true},
                             {"--trust-stamp", "CERT.pem",
                              "whose time stamps keep signatures good when their certificate ends", true}},
                            signing_option_table()),
          .examples = {"flashline image build ws --product Panel --config Test --out panel.ffu --stand-ins",
                       "flashline image build ws --product Panel --config Retail --out panel.ffu --key line.key --cert "
                       "line.pem"},
          .run = run};
}

}  // namespace flashline::line
