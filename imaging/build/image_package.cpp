#include "imaging/build/image_package.h"

#include <fcntl.h>
#include <spdlog/fmt/fmt.h>

#include "imaging/build/package_key.h"
#include "imaging/build/stand_in.h"
#include "imaging/core/errors/trust.h"
#include "imaging/filesystem/file_block_view.h"
#include "imaging/package/cab.h"
#include "imaging/source/content.h"
#include "imaging/trust/verify_signature.h"

namespace flashline::imaging {
namespace {

namespace fs = std::filesystem;

SignedBy judge(const TrustVerdict& verdict) {
  if (!verdict.is_signed) return SignedBy::nobody;
  if (!verdict.refusal) return verdict.test_signed ? SignedBy::test : SignedBy::retail;
  if (verdict.refusal->code == errc::untrusted_chain) return verdict.test_signed ? SignedBy::test : SignedBy::untrusted;
  return SignedBy::broken;
}

Status judge_signature(const fs::path& cab, const TrustPolicy& trust, ImagePackage& package) {
  const FileHandle file{::open(cab.c_str(), O_RDONLY | O_CLOEXEC)};
  FileBlockView view{file.get(), ByteOffset{0}, ByteCount{package.size}};
  TrustPolicy asked = trust;
  asked.inspect_only = true;
  FL_TRY(const TrustVerdict verdict, verify_cab_signature(view, asked));
  package.signed_by = judge(verdict);
  package.signer = verdict.signer;
  package.not_after = verdict.not_after;
  return {};
}

}  // namespace

Result<ImagePackage> open_image_package(const ResolvedPackage& wanted, const fs::path& folder, CpuType cpu,
                                        const TrustPolicy& trust) {
  ImagePackage package{.wanted = wanted, .package = {}, .folder = folder};
  FL_TRY(package.package, extract_cab(wanted.file, folder));
  FL_CHECK(check_member(wanted, package.package.identity, cpu));
  FL_TRY(package.digest, digest_of_file(wanted.file));
  std::error_code code;
  package.size = fs::file_size(wanted.file, code);
  package.stand_in = is_stand_in(package.package);
  FL_CHECK(judge_signature(wanted.file, trust, package));
  return package;
}

PackageFact fact_of(const ImagePackage& package) {
  return {.name = package.wanted.cab,
          .where = package.wanted.reasons.empty() ? std::string{} : package.wanted.reasons.front().where,
          .release_type = package.package.identity.release_type,
          .signed_by = package.signed_by,
          .stand_in = package.stand_in,
          .binaries = {}};
}

}  // namespace flashline::imaging
