#pragma once
// From a workspace to a full flash update image, in one go.

#include <ctime>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "imaging/build/cab_source.h"
#include "imaging/build/certificates.h"
#include "imaging/build/image_package.h"
#include "imaging/build/product.h"
#include "imaging/build/write_image.h"
#include "imaging/trust/package_signer.h"

namespace flashline::imaging {

struct ImageBuildOptions {
  std::filesystem::path workspace;
  std::string product;
  std::optional<std::string> arch{};
  BuildConfig config = BuildConfig::test;
  std::filesystem::path out;              ///< the image; NAME.json and NAME.html are written beside it
  bool stand_ins = false;                 ///< go on without what is missing; Test images only
  std::time_t time = 0;                   ///< of everything that is made: seconds since 1970, UTC
  bool fixed_time = false;                ///< somebody asked for that time: nothing of another time is taken over
  const PackageSigner* signer = nullptr;  ///< null: nothing is signed
  TrustPolicy trust{};                    ///< who signs packages that are delivered
  std::function<void(const std::string& line)> progress{};
};

/// What is in an image, and why.
struct ImageReport {
  std::string product, arch, board, config, description, version, oem_input;
  ReleaseType release = ReleaseType::test;
  std::time_t time = 0;
  bool code_integrity = true;  ///< the image enforces it, as long as no policy in it says otherwise
  std::string signer;          ///< of the image; empty: unsigned
  std::vector<ImagePackage> packages;
  std::vector<UsedCertificate> certificates;   ///< that signed it and what is in it
  std::vector<MissingCab> missing;             ///< a stand-in is in the place of each
  std::vector<std::string> missing_manifests;  ///< of Microsoft's
  std::vector<std::string> unknown_features;   ///< that no manifest defines, since Microsoft's are missing
  std::vector<std::string> warnings;
  struct File {
    std::string partition, path, package;
    std::uint64_t size = 0;
    Sha256 digest{};
  };
  std::vector<File> files;  ///< by partition and path
  WrittenImage image;

  /// Nobody may ship it.
  bool has_stand_ins() const { return !missing.empty() || !missing_manifests.empty(); }
};

struct ImageBuild {
  bool reused = false;  ///< nothing had changed; the image that was there is the one, and `report` is empty
  CabCounts cabs;
  std::vector<std::string> warnings{};  ///< of the image, made now or before; but not those of certificates that end
  std::size_t missing = 0;              ///< packages and manifests that stand-ins replace
  ImageReport report;
};

/// Builds the image, or finds that the one at `out` is it. Errors: packages_missing (all of them at once),
/// stand_ins_retail, config_mismatch, layout_file, those of reading the workspace, resolving features, building
/// packages, check_release, check_startup_apps, staging and write_image.
Result<ImageBuild> build_image(const ImageBuildOptions& options);

/// The report as JSON and as a page that needs nothing but itself. The same report gives the same text.
std::string report_json(const ImageReport& report);
std::string report_html(const ImageReport& report);

}  // namespace flashline::imaging
