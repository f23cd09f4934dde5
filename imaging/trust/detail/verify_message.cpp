#include "imaging/trust/detail/verify_message.h"

#include <algorithm>
#include <openssl/err.h>
#include <openssl/pkcs7.h>
#include <openssl/x509.h>
#include <optional>
#include <spdlog/fmt/fmt.h>

#include "imaging/catalog/object_ids.h"
#include "imaging/core/errors/image.h"
#include "imaging/core/errors/trust.h"
#include "imaging/trust/detail/openssl_handles.h"
#include "imaging/trust/detail/verify_chain.h"
#include "imaging/trust/time_stamp.h"

namespace flashline::imaging::detail {
namespace {

Status check_pin(const TrustVerdict& verdict, const TrustPolicy& policy) {
  if (policy.pins.empty() || std::ranges::find(policy.pins, verdict.signer_digest) != policy.pins.end()) return {};
  return fail(errc::signer_not_pinned, fmt::format("the certificate of {} has SHA-256 {}, which is not pinned",
                                                   verdict.signer, to_hex(verdict.signer_digest)));
}

/// What the signer says before any arithmetic: algorithms and attributes.
Status check_signer_form(const SignedMessage& message) {
  if (message.signers.size() != 1) {
    return fail(errc::bad_signature, fmt::format("there are {} signers, not one", message.signers.size()));
  }
  const MessageSigner& signer = message.signers.front();
  if (signer.digest_algorithm != oid::sha256) {
    return fail(errc::weak_signature,
                fmt::format("the signature's digest is {}, not SHA-256", signer.digest_algorithm));
  }
  if (signer.signature_algorithm != oid::rsa_encryption && signer.signature_algorithm != oid::sha256_with_rsa) {
    return fail(errc::weak_signature,
                fmt::format("the signature's algorithm is {}, not RSA with SHA-256", signer.signature_algorithm));
  }
  if (message.digest_algorithms != std::vector<std::string>{std::string{oid::sha256}}) {
    return fail(errc::bad_signature, "the digest algorithms are not those of its signer");
  }
  if (signer.content_type != message.content_type ||
      !std::ranges::equal(signer.message_digest, sha256(message.content))) {
    return fail(errc::bad_signature, "the signed attributes do not belong to the content");
  }
  return {};
}

Result<Pkcs7Handle> to_pkcs7(std::span<const std::byte> der) {
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  Pkcs7Handle pkcs7{d2i_PKCS7(nullptr, &at, static_cast<long>(der.size()))};
  if (!pkcs7 || PKCS7_type_is_signed(pkcs7.get()) != 1 || pkcs7->d.sign == nullptr) {
    return fail(errc::catalog_structure, "not a PKCS#7 message: " + take_openssl_reason());
  }
  return pkcs7;
}

/// The certificate of the only signer, owned by `pkcs7`.
Result<X509*> find_signer(PKCS7* pkcs7, const MessageSigner& info) {
  const StackHandle signers{PKCS7_get0_signers(pkcs7, nullptr, 0)};
  ERR_clear_error();
  if (!signers || sk_X509_num(signers.get()) != 1) {
    return fail(errc::bad_signature, "the signer's certificate is not there");
  }
  X509* signer = sk_X509_value(signers.get(), 0);
  // OpenSSL compares names without regard to case and blanks; one spelling is enough.
  if (std::ranges::equal(info.issuer_and_serial, issuer_and_serial(signer))) return signer;
  return fail(errc::bad_signature, "the signer's certificate is not there");
}

Status check_signature(PKCS7* pkcs7, X509* signer, const SignedMessage& message) {
  const EVP_PKEY* key = X509_get0_pubkey(signer);
  if (key == nullptr || EVP_PKEY_is_a(key, "RSA") != 1 || EVP_PKEY_get_bits(key) < 2048) {
    ERR_clear_error();
    return fail(errc::weak_signature,
                fmt::format("the key of {} is not RSA of at least 2048 bits", subject_of(signer)));
  }
  const auto content = bio_over(message.content);
  // The chain is checked apart, with an error of its own for each way to fail.
  if (PKCS7_verify(pkcs7, nullptr, nullptr, content.get(), nullptr, PKCS7_NOVERIFY | PKCS7_BINARY) == 1) return {};
  return fail(errc::bad_signature,
              fmt::format("the signature of {} is wrong: {}", subject_of(signer), take_openssl_reason()));
}

/// A certificate may end after the moment that a trusted time stamp vouches for.
ClockPolicy clock_for(const std::optional<StampFacts>& stamp, const ClockPolicy& clock) {
  if (!stamp || !stamp->trusted || clock.kind == ClockPolicy::Kind::unchecked) return clock;
  return {.kind = ClockPolicy::Kind::fixed, .at = stamp->when};
}

Result<TrustVerdict> verify_signed(std::span<const std::byte> der, const SignedMessage& message,
                                   const TrustPolicy& policy) {
  FL_CHECK(check_signer_form(message));
  const MessageSigner& info = message.signers.front();
  FL_TRY(const Pkcs7Handle pkcs7, to_pkcs7(der));
  FL_TRY(X509* const signer, find_signer(pkcs7.get(), info));
  FL_CHECK(check_signature(pkcs7.get(), signer, message));
  std::optional<StampFacts> stamp;
  if (!info.time_stamp.empty()) {
    FL_TRY(stamp, verify_stamp(info.time_stamp, info.signature, policy));
  }
  FL_TRY(TrustVerdict verdict, verify_chains(signer, *pkcs7, policy, clock_for(stamp, policy.clock)));
  verdict.stamp = std::move(stamp);
  FL_CHECK(check_purpose(signer));
  FL_CHECK(check_pin(verdict, policy));
  return verdict;
}

/// Who says to have signed, nothing checked.
TrustVerdict claim_in(std::span<const std::byte> der, const SignedMessage& message) {
  if (message.signers.empty()) return {};
  const auto pkcs7 = to_pkcs7(der);
  const auto signer = pkcs7 ? find_signer(pkcs7->get(), message.signers.front()) : std::unexpected{pkcs7.error()};
  if (signer) return claim_of(*signer);
  TrustVerdict nobody;
  nobody.is_signed = true;
  return nobody;
}

}  // namespace

Result<TrustVerdict> refuse_unless_inspected(Error refusal, TrustVerdict claim, const TrustPolicy& policy) {
  if (!policy.inspect_only) return std::unexpected{std::move(refusal)};
  claim.refusal = std::move(refusal);
  return claim;
}

Result<TrustVerdict> verdict_on_unsigned(Error refusal, const TrustPolicy& policy) {
  if (policy.allow_unsigned) return TrustVerdict{};
  return refuse_unless_inspected(std::move(refusal), {}, policy);
}

Result<TrustVerdict> verify_message(std::span<const std::byte> der, const SignedMessage& message,
                                    const TrustPolicy& policy, const Error& when_unsigned) {
  if (message.signers.empty()) return verdict_on_unsigned(when_unsigned, policy);
  auto verdict = verify_signed(der, message, policy);
  if (verdict) return verdict;
  return refuse_unless_inspected(std::move(verdict).error(), claim_in(der, message), policy);
}

}  // namespace flashline::imaging::detail
