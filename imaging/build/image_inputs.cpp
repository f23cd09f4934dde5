#include "imaging/build/image_inputs.h"

#include <spdlog/fmt/fmt.h>
#include <spdlog/fmt/ranges.h>

#include "imaging/build/merge_lists.h"
#include "imaging/core/errors/build.h"
#include "imaging/workspace/input_xml.h"

namespace flashline::imaging {
namespace {

namespace fs = std::filesystem;

Status check_config(const ImageInputs& inputs, const ImageBuildOptions& options) {
  const ReleaseType expected = options.config == BuildConfig::test ? ReleaseType::test : ReleaseType::production;
  if (inputs.oem.release_type != expected) {
    return fail(errc::config_mismatch, fmt::format("{}: ReleaseType {} for configuration {}", inputs.oem_file.string(),
                                                   name_of(inputs.oem.release_type), name_of(options.config)));
  }
  if (!options.stand_ins || expected == ReleaseType::test) return {};
  return fail(errc::stand_ins_retail, fmt::format("{} is to be a Production image", options.product));
}

Status find_folder(const ImageBuildOptions& options, ImageInputs& inputs) {
  FL_TRY(inputs.workspace, read_workspace(options.workspace));
  const std::optional<std::string_view> arch =
      options.arch ? std::optional<std::string_view>{*options.arch} : std::nullopt;
  FL_TRY(inputs.product, find_product(inputs.workspace, options.product, arch));
  FL_TRY(inputs.environment, build_environment(inputs.workspace, inputs.product, options.config, options.time));
  inputs.folder = inputs.environment.build / inputs.product.name / name_of(options.config);
  return {};
}

Status read_product(const ImageBuildOptions& options, ImageInputs& inputs) {
  FL_CHECK(find_folder(options, inputs));
  inputs.names = inputs.environment.names;
  for (const char* place : {"PKGBLD_DIR", "BSPPKG_DIR", "MSPKG_DIR"}) {
    inputs.names.set(place, (inputs.folder / "pkgs").string());
  }
  FL_TRY(inputs.oem_file, inputs.product.oem_input(options.config));
  FL_TRY(const XmlDocument document, read_input_xml(inputs.oem_file));
  FL_TRY(inputs.oem, read_oem_input(document, inputs.names));
  return check_config(inputs, options);
}

CabSourceOptions source_options(const ImageInputs& inputs, const ImageBuildOptions& options) {
  CabSourceOptions source{.folder = inputs.folder / "pkgs",
                          .stamp = {.time = options.time, .fixed_time = options.fixed_time, .signer = {}},
                          .signer = options.signer,
                          .languages = inputs.oem.ui_languages,
                          .resolutions = inputs.oem.resolutions};
  if (options.signer != nullptr) source.stamp.signer = to_hex(options.signer->signer().certificate_digest());
  if (options.progress) {
    source.progress = [&options](const std::string& cab) { options.progress(fmt::format("package {}", cab)); };
  }
  return source;
}

Status resolve_features(ImageInputs& inputs, CabSource& source) {
  const fs::path& root = inputs.workspace.root;
  FL_TRY(LoadedManifests loaded, load_manifests(inputs.oem, inputs.names, inputs.environment.cpu, root));
  for (const MissingManifest& one : loaded.missing) {
    inputs.missing_manifests.push_back(fmt::format("{} ({})", host_path(one.path).string(), one.where));
  }
  inputs.manifests = std::move(loaded.manifests);
  const ResolveInputs asked{
      .percents = inputs.names, .cpu = inputs.environment.cpu, .microsoft_missing = !inputs.missing_manifests.empty()};
  FL_TRY(inputs.resolution, resolve(inputs.oem, inputs.manifests, asked));
  for (const PlacedWord& feature : inputs.resolution.unknown_microsoft) {
    inputs.unknown_features.push_back(fmt::format("{} ({})", feature.word, feature.where));
  }
  FL_CHECK(locate_packages(inputs.resolution, root));
  for (ResolvedPackage& package : inputs.resolution.packages) {
    if (!package.file.empty()) continue;
    FL_CHECK(source.provide(package.cab, package.reasons.empty() ? std::string{} : package.reasons.front().where));
    package.file = source.folder() / package.cab;
  }
  return {};
}

/// One error that names all that is not there.
Status require_everything(const ImageInputs& inputs) {
  std::vector<std::string> lines;
  for (const std::string& one : inputs.missing_manifests) lines.push_back("manifest " + one);
  for (const std::string& one : inputs.unknown_features) lines.push_back("feature " + one);
  for (const MissingCab& one : inputs.missing) lines.push_back(fmt::format("{} ({}: {})", one.cab, one.where, one.why));
  if (lines.empty()) return {};
  return fail(errc::packages_missing, fmt::format("{} missing:\n  {}", lines.size(), fmt::join(lines, "\n  ")));
}

}  // namespace

Result<ImageInputs> gather_inputs(const ImageBuildOptions& options) {
  ImageInputs inputs;
  FL_CHECK(read_product(options, inputs));
  FL_TRY(CabSource source,
         CabSource::open(inputs.workspace, inputs.product, inputs.environment, source_options(inputs, options)));
  FL_CHECK(merge_lists(inputs.workspace, inputs.product, inputs.environment, inputs.names, inputs.oem, source));
  FL_CHECK(resolve_features(inputs, source));
  FL_CHECK(source.remove_others());
  inputs.missing = source.missing();
  inputs.cabs = source.counts();
  if (!options.stand_ins) FL_CHECK(require_everything(inputs));
  return inputs;
}

Result<fs::path> image_folder(const ImageBuildOptions& options) {
  ImageInputs inputs;
  FL_CHECK(find_folder(options, inputs));
  return inputs.folder;
}

Result<Sha256> image_key(const ImageInputs& inputs, const ImageBuildOptions& options) {
  constexpr std::uint64_t image_form = 2;  // raised when images of the same inputs come out otherwise
  KeyHash hash;
  hash.add(image_form);
  hash.add(std::uint64_t{options.fixed_time});
  hash.add(options.fixed_time ? static_cast<std::uint64_t>(options.time) : 0);
  hash.add(options.signer != nullptr ? to_hex(options.signer->signer().certificate_digest()) : "");
  hash.add(inputs.product.name);
  FL_TRY(const Sha256 oem, digest_of_file(inputs.oem_file));
  hash.add(oem);
  for (const auto* anchors : {&options.trust.anchors, &options.trust.stamp_anchors}) {
    hash.add(anchors->size());
    for (const TrustAnchor& anchor : *anchors) {
      hash.add(anchor.pem);
      hash.add(std::uint64_t{anchor.test});
    }
  }
  for (const std::string& one : inputs.missing_manifests) hash.add(one);
  for (const LoadedManifest& one : inputs.manifests) {
    FL_TRY(const Sha256 digest, digest_of_file(one.manifest.file));
    hash.add(digest);
  }
  for (const ResolvedPackage& package : inputs.resolution.packages) {
    FL_TRY(const Sha256 digest, digest_of_file(package.file));
    hash.add(package.cab);
    hash.add(digest);
  }
  return hash.finish();
}

}  // namespace flashline::imaging
