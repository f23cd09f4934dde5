#include "imaging/trust/verify_signature.h"

#include "imaging/catalog/object_ids.h"
#include "imaging/core/errors/image.h"
#include "imaging/core/errors/trust.h"
#include "imaging/core/little_endian.h"
#include "imaging/trust/detail/openssl_handles.h"
#include "imaging/trust/detail/verify_message.h"
#include "imaging/trust/signable_file.h"

namespace flashline::imaging {
namespace {

Status check_content(BlockView& file, const SignableFile& form, const SignedMessage& message) {
  FL_TRY(const Sha256 claimed, indirect_digest(form.kind, message.content));
  FL_TRY(const SignableDigest found, digest_of(file, form));
  if (found.digest != claimed) return fail(errc::file_altered, "its bytes are not those that were signed");
  if (!form.checksum_at) return {};
  // No signature covers the checksum, and all who sign set it; zero means that nobody did.
  const std::uint32_t checksum = load32(std::span{form.head}.subspan(*form.checksum_at));
  if (checksum == 0 || checksum == checksum_of(form, found.body_words)) return {};
  return fail(errc::file_altered, "its checksum is wrong");
}

Result<TrustVerdict> verify_form(BlockView& file, const SignableFile& form, const TrustPolicy& policy) {
  const Error when_unsigned{errc::unsigned_file, "it carries no signature"};
  if (form.signature.empty()) return detail::verdict_on_unsigned(when_unsigned, policy);
  FL_TRY(const std::span<const std::byte> der, message_in(form));
  auto message = parse_signed_message(der, oid::indirect_data);
  if (!message) return fail(errc::signature_form, std::move(message).error().detail);
  const Status content = check_content(file, form, *message);
  if (!content && !policy.inspect_only) return std::unexpected{content.error()};
  FL_TRY(TrustVerdict verdict, detail::verify_message(der, *message, policy, when_unsigned));
  if (content) return verdict;
  return detail::refuse_unless_inspected(content.error(), std::move(verdict), policy);
}

}  // namespace

Result<TrustVerdict> verify_member_catalog(std::span<const std::byte> der, std::span<const CatalogMember> files,
                                           const TrustPolicy& policy) {
  FL_TRY(const MemberCatalog catalog, parse_member_catalog(der));
  FL_CHECK(check_members(catalog, files));
  return detail::verify_message(der, catalog, policy,
                                {errc::unsigned_file, "the package's catalog carries no signature"});
}

Result<TrustVerdict> verify_catalog_signature(std::span<const std::byte> der, const TrustPolicy& policy) {
  FL_TRY(const SignedMessage message, parse_signed_message(der, oid::ctl));
  return detail::verify_message(der, message, policy, {errc::unsigned_file, "the catalog carries no signature"});
}

Result<std::vector<TrustAnchor>> by_common_name(std::span<const TrustAnchor> anchors) {
  std::vector<TrustAnchor> single;
  for (const TrustAnchor& anchor : anchors) {
    FL_TRY(const auto certificates, detail::parse_certificates(anchor.pem, anchor.name, errc::anchor_file));
    for (const auto& certificate : certificates) {
      single.push_back({.pem = detail::pem_of(certificate.get()),
                        .name = detail::common_name_of(certificate.get()),
                        .test = anchor.test});
    }
  }
  return single;
}

Result<TrustVerdict> verify_cab_signature(BlockView& file, const TrustPolicy& policy) {
  FL_TRY(const SignableFile form, read_signable_cab(file));
  return verify_form(file, form, policy);
}

Result<TrustVerdict> verify_pe_signature(BlockView& file, const TrustPolicy& policy) {
  FL_TRY(const SignableFile form, read_signable_pe(file));
  return verify_form(file, form, policy);
}

}  // namespace flashline::imaging
