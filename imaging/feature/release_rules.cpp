#include "imaging/feature/release_rules.h"

#include <algorithm>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/errors/trust.h"
#include "imaging/workspace/input_xml.h"

namespace flashline::imaging {
namespace {

bool has_word(const std::vector<std::string>& words, std::string_view word) {
  return std::ranges::any_of(words, [&](const std::string& one) { return same_word(one, word); });
}

/// Collects what the rows find.
class Judge {
 public:
  Judge(const ReleaseFacts& facts, const ReleaseLists& lists) : facts_{facts}, lists_{lists} {}

  ReleaseVerdict verdict() {
    for (const PackageFact& package : facts_.packages) judge(package);
    for (const ManifestFact& manifest : facts_.manifests) judge(manifest);
    for (const PlacedWord& feature : facts_.features) judge_feature(feature);
    judge_package_files();
    judge_unsigned();
    judge_test_signing();
    judge_boot_features();
    verdict_.enforce_code_integrity = production();
    return std::move(verdict_);
  }

 private:
  bool production() const { return facts_.image == ReleaseType::production; }
  bool windows() const { return facts_.product == ImageProduct::iot_core; }

  void refuse(Errc code, std::string detail) { verdict_.refusals.push_back({code, std::move(detail)}); }
  void warn(Errc code, std::string detail) { verdict_.warnings.push_back({code, std::move(detail)}); }

  const PlacedWord* find_feature(std::string_view id) const {
    const auto found =
        std::ranges::find_if(facts_.features, [&](const PlacedWord& one) { return same_word(one.word, id); });
    return found != facts_.features.end() ? &*found : nullptr;
  }

  void judge(const PackageFact& package) {
    const std::string what = fmt::format("{}: '{}'", package.where, package.name);
    if (production() && package.release_type == ReleaseType::test) {
      refuse(errc::release_test_package, what + " is a Test package, the image is for Production");
    }
    if (package.stand_in) {
      // It has no content that a signature could vouch for.
      if (production()) refuse(errc::release_stand_in, what + " is a stand-in");
      return;
    }
    judge_signature(package.signature, what);
    for (const BinaryFact& binary : package.binaries) judge(binary, fmt::format("{}: {}", what, binary.path));
  }

  void judge_signature(const SignatureFact& signature, const std::string& what) {
    const std::string why = signature.why.empty() ? "" : fmt::format(" ({})", signature.why);
    switch (signature.by) {
      case SignedBy::retail:
        return;
      case SignedBy::broken:
        return refuse(errc::release_broken, what + " does not fit its signature" + why);
      case SignedBy::nobody:
        if (production()) return refuse(errc::release_unsigned, what + " is not signed");
        unsigned_.push_back(what);
        return;
      case SignedBy::untrusted:
        if (production()) return refuse(errc::release_untrusted, what + " is signed by somebody unknown" + why);
        test_signed_.push_back(what);
        return;
      case SignedBy::test:
        if (production()) return refuse(errc::release_test_signed, what + " is signed with a test certificate");
        test_signed_.push_back(what);
        return;
    }
  }

  void judge(const BinaryFact& binary, const std::string& what) {
    judge_signature(binary.signature, what);
    if (!production() || !windows() || !binary.kernel_mode || binary.signature.by != SignedBy::retail) return;
    const std::string& root = binary.signature.root;
    if (folded(root).starts_with("microsoft ") || has_word(lists_.cross_certificate_cas, root)) return;
    refuse(errc::release_kernel_chain, fmt::format("{} runs in the kernel, its chain ends in '{}'", what, root));
  }

  void judge(const ManifestFact& manifest) {
    const std::string what = fmt::format("{}: '{}'", manifest.where, manifest.name);
    // The kit's own test manifest is known by its name; it says nothing of itself.
    const bool test =
        manifest.release_type == ReleaseType::test || folded(manifest.name).find("nonproduction") != std::string::npos;
    if (production() && test) refuse(errc::release_test_manifest, what + " is for Test images");
    if (!manifest.microsoft && !manifest.merged) refuse(errc::release_unmerged, what + " has not been merged");
  }

  void judge_feature(const PlacedWord& feature) {
    const std::string what = fmt::format("{}: '{}'", feature.where, feature.word);
    if (production() && has_word(lists_.developer_features, feature.word)) {
      warn(errc::release_developer_feature, what + " is a developer's tool, the image is for Production");
    }
    if (has_word(lists_.deprecated_features, feature.word)) {
      warn(errc::release_deprecated_feature, what + " is deprecated");
    }
  }

  void judge_package_files() {
    if (!production()) return;
    for (const PlacedWord& cab : facts_.package_files) {
      refuse(errc::release_package_files,
             fmt::format("{}: '{}' of PackageFiles, the image is for Production", cab.where, cab.word));
    }
  }

  /// One line, not one a package: a Test image without a key at hand has nothing but unsigned packages.
  void judge_unsigned() {
    if (unsigned_.empty()) return;
    warn(errc::release_unsigned, fmt::format("{} not signed; the first is {}", unsigned_.size(), unsigned_.front()));
  }

  void judge_test_signing() {
    if (test_signed_.empty() || !windows() || find_feature("IOT_ENABLE_TESTSIGNING") != nullptr) return;
    refuse(errc::release_needs_testsigning,
           fmt::format("{} test-signed, but the image has no IOT_ENABLE_TESTSIGNING and would not boot: {}",
                       test_signed_.size(), fmt::join(test_signed_, "; ")));
  }

  void judge_boot_features() {
    using Partitions = ReleaseFacts::Partitions;
    if (facts_.partitions == Partitions::unknown) return;
    const bool gpt = facts_.partitions == Partitions::gpt;
    const PlacedWord* wrong = find_feature(gpt ? "IOT_EFIESP_BCD_MBR" : "IOT_EFIESP_BCD");
    if (wrong == nullptr) return;
    warn(errc::release_boot_feature, fmt::format("{}: '{}' cannot boot from the {} layout of this image", wrong->where,
                                                 wrong->word, gpt ? "GPT" : "MBR"));
  }

  const ReleaseFacts& facts_;
  const ReleaseLists& lists_;
  ReleaseVerdict verdict_;
  std::vector<std::string> unsigned_;     ///< only of Test images
  std::vector<std::string> test_signed_;  ///< likewise
};

}  // namespace

ReleaseFacts facts_of(const OemInput& input, const std::vector<ManifestFact>& manifests) {
  ReleaseFacts facts;
  facts.image = input.release_type;
  facts.product = input.product;
  facts.manifests = manifests;
  facts.features = input.microsoft_features;
  facts.features.insert(facts.features.end(), input.oem_features.begin(), input.oem_features.end());
  facts.package_files = input.package_files;
  return facts;
}

Status ReleaseVerdict::status() const {
  if (refusals.empty()) return {};
  std::vector<std::string_view> details;
  for (const Error& refusal : refusals) details.push_back(refusal.detail);
  if (details.size() == 1) return fail(refusals.front().code, refusals.front().detail);
  return fail(refusals.front().code,
              fmt::format("{} things forbid this image:\n  {}", details.size(), fmt::join(details, "\n  ")));
}

ReleaseVerdict check_release(const ReleaseFacts& facts, const ReleaseLists& lists) {
  return Judge{facts, lists}.verdict();
}

}  // namespace flashline::imaging
