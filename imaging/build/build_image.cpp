#include "imaging/build/build_image.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <spdlog/fmt/fmt.h>

#include "imaging/build/image_inputs.h"
#include "imaging/build/smbios_config.h"
#include "imaging/core/errors/build.h"
#include "imaging/feature/release_rules.h"
#include "imaging/ffu/manifest.h"
#include "imaging/layout/layout_warnings.h"
#include "imaging/provisioning/ppkg.h"
#include "imaging/source/scratch_folder.h"
#include "imaging/workspace/input_xml.h"
#include "imaging/workspace/windows_path.h"

namespace flashline::imaging {
namespace {

namespace fs = std::filesystem;

/// What is remembered of the last image of a product, in its folder: `image.key`, `image.time`, `image.warnings`.
constexpr const char* image_mark = "image";
constexpr const char* time_mark = "image.time";
constexpr const char* warnings_mark = "image.warnings";

/// NAME.ffu.json, NAME.ffu.html.
fs::path beside(const fs::path& out, std::string_view ending) { return fs::path{out} += ending; }

/// The file of that name among a package's, by its leaf.
const fs::path* payload_file(const ImagePackage& package, std::string_view leaf) {
  for (const PackageFile& file : package.package.files) {
    const auto parts = path_parts(file.device_path);
    if (!parts.empty() && same_word(parts.back(), leaf)) return std::get_if<fs::path>(&file.source);
  }
  return nullptr;
}

std::vector<std::byte> bytes_of(std::string_view text) {
  const auto bytes = std::as_bytes(std::span{text});
  return {bytes.begin(), bytes.end()};
}

/// A file of the package, and what messages call it: where it was unpacked means nothing to anybody.
struct LayoutFile {
  std::vector<std::byte> bytes;
  std::string name;
};

Result<LayoutFile> layout_file(const ImagePackage& package, std::string_view leaf) {
  if (const fs::path* file = payload_file(package, leaf)) {
    std::ifstream in{*file, std::ios::binary};
    const std::string text{std::istreambuf_iterator<char>{in}, {}};
    return LayoutFile{.bytes = bytes_of(text), .name = fmt::format("{}: {}", package.wanted.cab, leaf)};
  }
  return fail(errc::layout_file,
              fmt::format("{}{} holds no {}", package.stand_in ? "the stand-in for " : "", package.wanted.cab, leaf));
}

std::vector<ManifestFact> manifest_facts(const ImageInputs& inputs) {
  std::vector<ManifestFact> facts;
  for (const LoadedManifest& one : inputs.manifests) {
    facts.push_back({.name = fs::path{one.manifest.file}.filename().string(),
                     .where = one.manifest.where,
                     .microsoft = one.microsoft,
                     .merged = one.manifest.merged(),
                     .release_type = one.manifest.release_type});
  }
  return facts;
}

/// A board whose firmware cannot read its SMBIOS.CFG says so to nobody.
Status check_smbios(const ImagePackage& package) {
  const fs::path* file = payload_file(package, "SMBIOS.CFG");
  if (file == nullptr) return {};
  const auto read = read_smbios_config(*file);
  if (read) return {};
  std::string what = read.error().detail;
  if (what.starts_with(file->string())) what.replace(0, file->string().size(), package.wanted.cab + "/SMBIOS.CFG");
  return fail(read.error().code, std::move(what));
}

bool is_provisioning(const PackageFile& file) { return folded(file.device_path).ends_with(".ppkg"); }

Result<std::vector<AppClaim>> app_claims(const std::vector<ImagePackage>& packages) {
  std::vector<AppClaim> claims;
  for (const ImagePackage& package : packages) {
    for (const PackageFile& file : package.package.files) {
      const fs::path* path = std::get_if<fs::path>(&file.source);
      if (!is_provisioning(file) || path == nullptr) continue;
      auto facts = read_ppkg(*path);
      if (!facts) return std::unexpected{in_context(package.wanted.cab + file.device_path, facts.error())};
      AppClaim claim{.package = fmt::format("{}: {}", package.wanted.cab, path_parts(file.device_path).back()),
                     .foreground = {},
                     .background = {}};
      claim.foreground = std::move(facts->answers.foreground);
      claim.background = std::move(facts->answers.background);
      claims.push_back(std::move(claim));
    }
  }
  return claims;
}

std::string update_history(const std::vector<ImagePackage>& packages) {
  std::string text{
      "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<UpdateHistory "
      "xmlns=\"http://schemas.microsoft.com/embedded/2004/10/ImageUpdate\">\n  <UpdateEvents>\n"
      "    <UpdateEvent>\n      <Sequence>1</Sequence>\n      <Summary>Image</Summary>\n      <Packages>\n"};
  for (const ImagePackage& package : packages) {
    const PackageIdentity& identity = package.package.identity;
    text += fmt::format("        <Package Name=\"{}\" Version=\"{}\" Partition=\"{}\"/>\n", identity.name,
                        to_text(identity.version), identity.partition);
  }
  return text + "      </Packages>\n    </UpdateEvent>\n  </UpdateEvents>\n</UpdateHistory>\n";
}

class ImageBuilder {
 public:
  ImageBuilder(const ImageBuildOptions& options, ImageInputs inputs, const fs::path& scratch)
      : options_{options}, inputs_{std::move(inputs)}, scratch_{scratch} {}

  Result<ImageReport> run() {
    describe();
    FL_CHECK(open_packages());
    FL_CHECK(read_layout());
    FL_CHECK(judge_release());
    FL_TRY(const auto claims, app_claims(report_.packages));
    FL_CHECK(check_startup_apps(claims));
    Stage stage{layout_, {.time = options_.time, .windows = is_windows(), .scratch = scratch_}};
    FL_CHECK(fill(stage));
    FL_CHECK(write(stage));
    list_files(stage);
    list_certificates();
    return std::move(report_);
  }

 private:
  bool is_windows() const { return inputs_.oem.product != ImageProduct::linux_system; }
  void tell(const std::string& line) const {
    if (options_.progress) options_.progress(line);
  }

  void describe() {
    report_.product = inputs_.product.name;
    report_.arch = inputs_.product.arch;
    report_.board = inputs_.product.bsp;
    report_.config = name_of(options_.config);
    report_.description = inputs_.oem.description;
    report_.version = to_text(inputs_.environment.version);
    report_.oem_input = inputs_.oem_file.filename().string();
    report_.release = inputs_.oem.release_type;
    report_.time = options_.time;
    report_.missing = inputs_.missing;
    report_.missing_manifests = inputs_.missing_manifests;
    report_.unknown_features = inputs_.unknown_features;
    report_.warnings = inputs_.resolution.warnings;
  }

  Status open_packages() {
    std::size_t number = 0;
    FL_TRY(SignatureJudge judge, SignatureJudge::make(options_.trust));
    for (const ResolvedPackage& wanted : inputs_.resolution.packages) {
      tell(fmt::format("open {}", wanted.cab));
      auto opened = open_image_package(wanted, scratch_ / fmt::format("p{}", number++), inputs_.environment.cpu, judge,
                                       is_windows());
      if (!opened) return std::unexpected{in_context(wanted.cab, opened.error())};
      FL_CHECK(check_smbios(*opened));
      report_.packages.push_back(*std::move(opened));
    }
    return {};
  }

  Status read_layout() {
    FL_TRY(LayoutFile layout, layout_file(report_.packages[inputs_.resolution.device_layout], "DeviceLayout.xml"));
    FL_TRY(layout_, parse_device_layout(layout.bytes, std::move(layout.name)));
    if (!inputs_.resolution.device_platform) {
      FL_TRY(const fs::path file, find_input(inputs_.product.folder, inputs_.oem.device_platform_file.word));
      FL_TRY(platform_, read_device_platform(file));
      return {};
    }
    const ImagePackage& package = report_.packages[*inputs_.resolution.device_platform];
    FL_TRY(LayoutFile platform, layout_file(package, "OEMDevicePlatform.xml"));
    FL_TRY(platform_, parse_device_platform(platform.bytes, std::move(platform.name)));
    return {};
  }

  Status judge_release() {
    ReleaseFacts facts = facts_of(inputs_.oem, manifest_facts(inputs_));
    for (const ImagePackage& package : report_.packages) facts.packages.push_back(fact_of(package));
    const bool gpt = layout_.stores.front().style == TableStyle::gpt;
    facts.partitions = gpt ? ReleaseFacts::Partitions::gpt : ReleaseFacts::Partitions::mbr;
    const ReleaseVerdict verdict = check_release(facts, shipped_release_lists());
    for (const Error& warning : verdict.warnings) {
      report_.warnings.push_back(fmt::format("[{}] {}", code_of(warning.code), warning.detail));
    }
    report_.code_integrity = verdict.enforce_code_integrity;
    return verdict.status();
  }

  Status fill(Stage& stage) {
    tell("stage");
    FL_CHECK(stage.add(report_.packages));
    if (is_windows()) {
      std::ifstream in{inputs_.oem_file, std::ios::binary};
      const std::string oem{std::istreambuf_iterator<char>{in}, {}};
      FL_CHECK(stage.add_file(R"(\Windows\ImageUpdate\OEMInput.xml)", bytes_of(oem)));
      FL_CHECK(stage.add_file(R"(\Windows\ImageUpdate\UpdateHistory.xml)", bytes_of(update_history(report_.packages))));
    }
    FL_CHECK(stage.finish());
    FL_TRY(placed_, place_stage(layout_, platform_, stage));
    FL_CHECK(stage.add_boot_store(placed_));
    for (const std::string& line : stage.warnings()) report_.warnings.push_back(line);
    return {};
  }

  /// The first line is the product's; the others are for stations and for people who look at the file.
  std::string ffu_description() const {
    std::string text = report_.description;
    std::ranges::replace(text, '\n', ' ');
    if (report_.release == ReleaseType::test) text += fmt::format("\n{}", test_release_mark);
    if (report_.has_stand_ins()) {
      text += fmt::format("\nFlashline: stand-ins for {} packages and {} manifests, not for shipping",
                          report_.missing.size(), report_.missing_manifests.size());
    }
    return text;
  }

  Status write(const Stage& stage) {
    tell("write");
    WriteImageOptions write{.out = options_.out,
                            .scratch = scratch_,
                            .description = ffu_description(),
                            .platform_ids = platform_.ids,
                            .seed = report_.product + "/" + report_.version,
                            .signer = options_.signer != nullptr ? &options_.signer->signer() : nullptr,
                            .time = options_.time,
                            .progress = options_.progress};
    FL_TRY(report_.image, write_image(layout_, placed_, stage, write));
    report_.signer = report_.image.ffu.signer;
    std::vector<std::string> features;
    for (const PlacedWord& one : inputs_.oem.microsoft_features) features.push_back(one.word);
    for (const std::string& line : layout_warnings(layout_, report_.image.layout, features)) {
      report_.warnings.push_back(line);
    }
    return {};
  }

  void list_files(const Stage& stage) {
    for (const StagedPartition& partition : stage.partitions()) {
      for (const auto& [key, entry] : partition.tree.entries()) {
        if (entry.kind == EntryKind::folder) continue;
        report_.files.push_back({.partition = partition.name,
                                 .path = "/" + entry.path,
                                 .package = entry.from,
                                 .size = entry.size,
                                 .digest = entry.digest.value_or(Sha256{})});
      }
    }
  }

  void list_certificates() {
    report_.certificates = used_certificates(report_.packages);
    if (options_.signer == nullptr) return;
    const Signer& signer = options_.signer->signer();
    for (UsedCertificate& one : report_.certificates) {
      if (one.subject == signer.name() && one.not_after == signer.not_after()) return void(++one.uses);
    }
    report_.certificates.push_back({.subject = signer.name(), .not_after = signer.not_after(), .uses = 1});
  }

  const ImageBuildOptions& options_;
  ImageInputs inputs_;
  fs::path scratch_;
  ImageReport report_;
  DeviceLayout layout_;
  DevicePlatform platform_;
  DiskLayout placed_;
};

/// Reports of two machines are the same.
void shorten_all(ImageReport& report, const fs::path& workspace) {
  for (ImagePackage& package : report.packages) {
    for (PullReason& reason : package.wanted.reasons) reason.where = below_workspace(reason.where, workspace);
  }
  for (MissingCab& one : report.missing) {
    one.where = below_workspace(one.where, workspace);
  }
  for (auto* list : {&report.missing_manifests, &report.unknown_features, &report.warnings}) {
    for (std::string& text : *list) text = below_workspace(text, workspace);
  }
}

/// What there was to say when the image was made, for those who ask again.
Status remember_warnings(const fs::path& file, const std::vector<std::string>& warnings) {
  std::string text;
  for (const std::string& one : warnings) text += one + "\n";
  return write_small_file(file, std::string_view{text});
}
std::vector<std::string> remembered_warnings(const fs::path& file) {
  std::vector<std::string> warnings;
  std::ifstream in{file};
  for (std::string line; std::getline(in, line);) warnings.push_back(line);
  return warnings;
}

/// The digest of the image that stands beside the key: somebody may have put another file there.
std::optional<Sha256> made_image(const fs::path& out) {
  for (const char* ending : {".json", ".html"}) {
    if (!fs::is_regular_file(beside(out, ending))) return std::nullopt;
  }
  const auto digest = digest_of_file(out);
  return digest ? std::optional{*digest} : std::nullopt;
}

Sha256 key_with(const Sha256& key, const Sha256& image) {
  KeyHash hash;
  hash.add(key);
  hash.add(image);
  return hash.finish();
}

/// What the last build of this product was told that the time was; nullopt: nothing is known of one.
std::optional<std::time_t> last_time(const fs::path& folder) {
  std::ifstream in{folder / time_mark};
  std::int64_t time = 0;
  return in >> time ? std::optional{static_cast<std::time_t>(time)} : std::nullopt;
}

/// The time is in packages (BUILDTIME), and by itself no reason to make them and the image again. Without a time that
/// was asked for: the inputs with that of the last build, if the image that was made of them is there.
Result<std::optional<ImageBuild>> reuse_last(const ImageBuildOptions& options) {
  FL_TRY(const fs::path folder, image_folder(options));
  const auto there = made_image(options.out);
  const auto time = last_time(folder);
  if (options.fixed_time || !there || !time) return std::nullopt;
  ImageBuildOptions last = options;
  last.time = *time;
  FL_TRY(const ImageInputs inputs, gather_inputs(last));
  FL_TRY(const Sha256 key, image_key(inputs, last));
  ImageBuild build{.reused = has_key(folder / image_mark, key_with(key, *there)),
                   .cabs = inputs.cabs,
                   .warnings = remembered_warnings(folder / warnings_mark),
                   .missing = inputs.missing.size() + inputs.missing_manifests.size(),
                   .report = {}};
  return build;
}

}  // namespace

Result<ImageBuild> build_image(const ImageBuildOptions& options) {
  FL_TRY(const std::optional<ImageBuild> last, reuse_last(options));
  if (last && last->reused) return *last;
  FL_TRY(ImageInputs inputs, gather_inputs(options));
  if (last) {  // built a moment ago, then found again
    inputs.cabs.built += last->cabs.built;
    inputs.cabs.reused -= std::min(inputs.cabs.reused, last->cabs.built);
  }
  ImageBuild build{
      .cabs = inputs.cabs, .missing = inputs.missing.size() + inputs.missing_manifests.size(), .report = {}};
  FL_TRY(const Sha256 key, image_key(inputs, options));
  const fs::path mark = inputs.folder / image_mark;
  const fs::path last_mark = inputs.folder / time_mark;
  std::error_code code;
  fs::create_directories(inputs.folder, code);
  if (const auto there = made_image(options.out); there && has_key(mark, key_with(key, *there))) {
    build.reused = true;
    build.warnings = remembered_warnings(inputs.folder / warnings_mark);
    return build;
  }
  const fs::path root = inputs.workspace.root;
  FL_TRY(const ScratchFolder scratch, ScratchFolder::make(inputs.folder));
  ImageBuilder builder{options, std::move(inputs), scratch.path()};
  FL_TRY(build.report, builder.run());
  shorten_all(build.report, root);
  build.warnings = build.report.warnings;
  FL_CHECK(write_small_file(beside(options.out, ".json"), report_json(build.report)));
  FL_CHECK(write_small_file(beside(options.out, ".html"), report_html(build.report)));
  FL_CHECK(remember_warnings(mark.parent_path() / warnings_mark, build.warnings));
  FL_TRY(const Sha256 made, digest_of_file(options.out));
  FL_CHECK(write_small_file(last_mark, fmt::format("{}\n", static_cast<std::int64_t>(options.time))));
  FL_CHECK(remember_key(mark, key_with(key, made)));
  return build;
}

}  // namespace flashline::imaging
