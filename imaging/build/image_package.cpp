#include "imaging/build/image_package.h"

#include <algorithm>
#include <iterator>

#include "imaging/build/package_key.h"
#include "imaging/build/stand_in.h"
#include "imaging/package/cab.h"
#include "imaging/package/package_manifest.h"
#include "imaging/workspace/windows_path.h"

namespace flashline::imaging {
namespace {

namespace fs = std::filesystem;

/// A cabinet's signature covers the catalog in it; servicing looks at the catalog alone. Told only where the two
/// differ: it is one package.
Status judge_catalog(const SignatureJudge& judge, ImagePackage& package) {
  for (const std::string_view name : {spkg_catalog_name, servicing_catalog_name}) {
    const auto file = find_input(package.folder, name);
    if (!file) continue;
    FL_TRY(SignatureFact fact, judge.catalog(*file));
    if (fact.by != package.signature.by) {
      package.binaries.push_back({.path = std::string{name}, .signature = std::move(fact)});
    }
  }
  return {};
}

}  // namespace

Result<ImagePackage> open_image_package(const ResolvedPackage& wanted, const fs::path& folder, CpuType cpu,
                                        SignatureJudge& judge, bool programs) {
  ImagePackage package{.wanted = wanted, .package = {}, .folder = folder};
  FL_TRY(package.package, extract_cab(wanted.file, folder));
  FL_CHECK(check_member(wanted, package.package.identity, cpu));
  FL_TRY(package.digest, digest_of_file(wanted.file));
  std::error_code code;
  package.size = fs::file_size(wanted.file, code);
  package.stand_in = is_stand_in(package.package);
  FL_TRY(package.signature, judge.cabinet(wanted.file));
  if (package.stand_in) return package;
  FL_CHECK(judge_catalog(judge, package));
  if (!programs) return package;
  FL_TRY(std::vector<BinaryFact> contents, judge.contents(package.package));
  std::ranges::move(contents, std::back_inserter(package.binaries));
  return package;
}

PackageFact fact_of(const ImagePackage& package) {
  return {.name = package.wanted.cab,
          .where = package.wanted.reasons.empty() ? std::string{} : package.wanted.reasons.front().where,
          .release_type = package.package.identity.release_type,
          .signature = package.signature,
          .stand_in = package.stand_in,
          .binaries = package.binaries};
}

}  // namespace flashline::imaging
