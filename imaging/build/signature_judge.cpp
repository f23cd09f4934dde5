#include "imaging/build/signature_judge.h"

#include <algorithm>

#include "imaging/catalog/signed_message.h"
#include "imaging/core/errors/image.h"
#include "imaging/core/errors/package.h"
#include "imaging/core/errors/trust.h"
#include "imaging/package/program_names.h"
#include "imaging/source/file_view.h"
#include "imaging/trust/signable_file.h"
#include "imaging/trust/verify_signature.h"
#include "imaging/workspace/input_xml.h"

namespace flashline::imaging {
namespace {

namespace fs = std::filesystem;

SignedBy judge(const TrustVerdict& verdict) {
  if (!verdict.is_signed) return SignedBy::nobody;
  const SignedBy good = verdict.test_signed ? SignedBy::test : SignedBy::retail;
  if (!verdict.refusal) return good;
  const Errc code = verdict.refusal->code;
  if (code == errc::untrusted_chain) return verdict.test_signed ? SignedBy::test : SignedBy::untrusted;
  // The signature fits, its certificate does not do.
  for (const Errc unfit :
       {errc::certificate_expired, errc::certificate_not_yet_valid, errc::signer_purpose, errc::weak_signature}) {
    if (code == unfit) return SignedBy::untrusted;
  }
  return SignedBy::broken;
}

SignatureFact fact_of(const TrustVerdict& verdict) {
  SignatureFact fact{.by = judge(verdict), .signer = verdict.signer, .not_after = verdict.not_after};
  fact.root = verdict.anchor;
  if (verdict.is_signed && verdict.refusal) fact.why = verdict.refusal->detail;
  return fact;
}

/// A form that nobody can read is a signature that does not fit; a disk that cannot be read is an error.
Result<SignatureFact> fact_of(const Result<TrustVerdict>& verdict) {
  if (verdict) return fact_of(*verdict);
  if (verdict.error().code == errc::image_read) return std::unexpected{verdict.error()};
  return SignatureFact{.by = SignedBy::broken, .why = verdict.error().detail};
}

}  // namespace

Result<SignatureJudge> SignatureJudge::make(const TrustPolicy& trust) {
  TrustPolicy asked = trust;
  FL_TRY(asked.anchors, by_common_name(trust.anchors));
  asked.mode = TrustMode::test;
  asked.inspect_only = true;
  return SignatureJudge{std::move(asked)};
}

Result<SignatureFact> SignatureJudge::cabinet(const fs::path& cab) const {
  FL_TRY(const FileHandle file, open_for_reading(cab));
  FL_TRY(const ByteCount size, size_of(file.get()));
  FileView view{file.get(), size};
  FL_TRY(const TrustVerdict verdict, verify_cab_signature(view, trust_));
  return fact_of(verdict);
}

Result<SignatureFact> SignatureJudge::catalog(const fs::path& file) const {
  FL_TRY(const FileHandle handle, open_for_reading(file));
  FL_TRY(const auto der, read_start(handle.get(), max_catalog_size + 1));
  return fact_of(verify_catalog_signature(der, trust_));
}

Result<SignatureJudge::Known> SignatureJudge::look_at(const fs::path& file, bool catalog) const {
  Known known{.counts = true, .signature = {}};
  if (catalog) {
    FL_TRY(known.signature, this->catalog(file));
    return known;
  }
  FL_TRY(const FileHandle handle, open_for_reading(file));
  FL_TRY(const ByteCount size, size_of(handle.get()));
  FileView view{handle.get(), size};
  FL_TRY(known.counts, looks_like_pe(view));
  if (!known.counts) return known;
  FL_TRY(known.signature, fact_of(verify_pe_signature(view, trust_)));
  const auto form = read_signable_pe(view);
  known.kernel_mode = form && form->subsystem == native_subsystem;
  return known;
}

Result<std::vector<BinaryFact>> SignatureJudge::contents(const Package& package) {
  std::vector<BinaryFact> facts;
  for (const PackageFile& file : package.files) {
    const auto* path = std::get_if<fs::path>(&file.source);
    const bool catalog = folded(file.device_path).ends_with(".cat");
    if (path == nullptr || (!catalog && !is_program_name(file.device_path))) continue;
    auto known = known_.find(file.digest);
    if (known == known_.end() || file.digest == Sha256{}) {
      FL_TRY(Known found, look_at(*path, catalog));
      known = known_.insert_or_assign(file.digest, std::move(found)).first;
    }
    if (!known->second.counts) continue;
    facts.push_back({.path = file.device_path,
                     .signature = known->second.signature,
                     .kernel_mode = known->second.kernel_mode || folded(file.device_path).ends_with(".sys")});
  }
  return facts;
}

}  // namespace flashline::imaging
