#include "imaging/trust/verify_catalog.h"

#include <algorithm>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs7.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <optional>
#include <spdlog/fmt/fmt.h>

#include "imaging/catalog/object_ids.h"
#include "imaging/catalog/parse_catalog.h"
#include "imaging/core/errors/image.h"
#include "imaging/core/errors/trust.h"
#include "imaging/trust/detail/openssl_handles.h"

namespace flashline::imaging {
namespace {

using detail::CertificateHandle;
using detail::subject_of;

/// OpenSSL's security level for 112 bits: RSA of 2048, no SHA-1 below the anchor.
constexpr int min_security_level = 2;

struct LoadedAnchor {
  const TrustAnchor* anchor;
  std::vector<CertificateHandle> certificates;
};

Result<std::vector<LoadedAnchor>> load_anchors(const TrustPolicy& policy) {
  std::vector<LoadedAnchor> loaded;
  for (const TrustAnchor& anchor : policy.anchors) {
    FL_TRY(auto certificates, detail::parse_certificates(anchor.pem, anchor.name, errc::anchor_file));
    loaded.push_back({&anchor, std::move(certificates)});
  }
  return loaded;
}

std::unexpected<Error> chain_error(X509_STORE_CTX* context, const TrustPolicy& policy) {
  const int error = X509_STORE_CTX_get_error(context);
  const X509* at = X509_STORE_CTX_get_current_cert(context);
  if (at == nullptr) at = X509_STORE_CTX_get0_cert(context);
  const std::string subject = subject_of(at);
  const std::string reason = X509_verify_cert_error_string(error);
  ERR_clear_error();
  switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return fail(errc::certificate_expired,
                  fmt::format("the certificate of {} expired on {}, checked for {}", subject,
                              detail::to_utc_text(detail::seconds_of(X509_get0_notAfter(at))),
                              detail::to_utc_text(policy.clock.at)));
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return fail(errc::certificate_not_yet_valid,
                  fmt::format("the certificate of {} is valid from {} on, checked for {}", subject,
                              detail::to_utc_text(detail::seconds_of(X509_get0_notBefore(at))),
                              detail::to_utc_text(policy.clock.at)));
    case X509_V_ERR_EE_KEY_TOO_SMALL:
    case X509_V_ERR_CA_KEY_TOO_SMALL:
    case X509_V_ERR_CA_MD_TOO_WEAK:
      return fail(errc::weak_signature, fmt::format("the certificate of {}: {}", subject, reason));
    default:
      return fail(errc::untrusted_chain,
                  fmt::format("the signer {} does not chain to a trusted certificate (at {}: {})",
                              subject_of(X509_STORE_CTX_get0_cert(context)), subject, reason));
  }
}

void apply_policy(X509_STORE_CTX* context, const ClockPolicy& clock) {
  X509_VERIFY_PARAM* param = X509_STORE_CTX_get0_param(context);
  X509_VERIFY_PARAM_set_purpose(param, X509_PURPOSE_ANY);
  X509_VERIFY_PARAM_set_auth_level(param, min_security_level);
  // An intermediate or the signer's own certificate may be the anchor.
  X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN);
  if (clock.kind == ClockPolicy::Kind::unchecked) {
    X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_NO_CHECK_TIME);
  } else {
    X509_VERIFY_PARAM_set_time(param, clock.at);
  }
}

TrustVerdict claim_of(const X509* signer) {
  TrustVerdict verdict;
  verdict.is_signed = true;
  verdict.signer = subject_of(signer);
  verdict.signer_digest = detail::digest_of(signer);
  verdict.not_after = detail::seconds_of(X509_get0_notAfter(signer));
  return verdict;
}

/// The part of the anchors that a chain is looked for in.
struct AnchorSet {
  std::span<const LoadedAnchor> anchors;
  bool test;
};

const TrustAnchor* owner_of(const X509* root, const AnchorSet& set) {
  for (const LoadedAnchor& loaded : set.anchors) {
    if (loaded.anchor->test != set.test) continue;
    for (const auto& certificate : loaded.certificates) {
      if (X509_cmp(certificate.get(), root) == 0) return loaded.anchor;
    }
  }
  return nullptr;
}

void note_chain(X509_STORE_CTX* context, const AnchorSet& set, TrustVerdict& verdict) {
  const STACK_OF(X509)* chain = X509_STORE_CTX_get0_chain(context);
  const int length = sk_X509_num(chain);
  for (int i = 1; i < length; ++i) {
    const std::time_t end = detail::seconds_of(X509_get0_notAfter(sk_X509_value(chain, i)));
    verdict.not_after = std::min(verdict.not_after, end);
  }
  const TrustAnchor* anchor = owner_of(sk_X509_value(chain, length - 1), set);
  verdict.test_signed = set.test;
  verdict.anchor = anchor != nullptr ? anchor->name : "";
}

Result<TrustVerdict> verify_chain(X509* signer, const PKCS7& pkcs7, const AnchorSet& set, const TrustPolicy& policy) {
  const detail::StoreHandle store{X509_STORE_new()};
  for (const LoadedAnchor& loaded : set.anchors) {
    if (loaded.anchor->test != set.test) continue;
    for (const auto& certificate : loaded.certificates) X509_STORE_add_cert(store.get(), certificate.get());
  }
  const detail::StoreContextHandle context{X509_STORE_CTX_new()};
  if (X509_STORE_CTX_init(context.get(), store.get(), signer, pkcs7.d.sign->cert) != 1) {
    return fail(errc::untrusted_chain, "the chain cannot be checked: " + detail::take_openssl_reason());
  }
  apply_policy(context.get(), policy.clock);
  if (X509_verify_cert(context.get()) != 1) return chain_error(context.get(), policy);
  TrustVerdict verdict = claim_of(signer);
  note_chain(context.get(), set, verdict);
  return verdict;
}

/// Production anchors first, so that an image which both kinds vouch for counts as a production one.
Result<TrustVerdict> verify_chains(X509* signer, const PKCS7& pkcs7, const TrustPolicy& policy) {
  if (policy.anchors.empty()) {
    return fail(errc::untrusted_chain,
                fmt::format("signed by {}, and no trusted certificate is named", subject_of(signer)));
  }
  FL_TRY(const std::vector<LoadedAnchor> anchors, load_anchors(policy));
  auto production = verify_chain(signer, pkcs7, {anchors, false}, policy);
  if (production) return production;
  auto test = verify_chain(signer, pkcs7, {anchors, true}, policy);
  if (test && policy.mode == TrustMode::production) {
    return fail(errc::test_signed,
                fmt::format("signed by {}, whom only the test anchor {} vouches for", test->signer, test->anchor));
  }
  if (test) return test;
  return production.error().code == errc::untrusted_chain ? test : production;
}

Status check_purpose(X509* signer) {
  const std::uint32_t usage = X509_get_extended_key_usage(signer);
  const bool named = usage != UINT32_MAX;
  if (named && (usage & (XKU_CODE_SIGN | XKU_ANYEKU)) == 0) {
    return fail(errc::signer_purpose,
                fmt::format("the certificate of {} is not meant for code signing", subject_of(signer)));
  }
  if ((X509_get_key_usage(signer) & KU_DIGITAL_SIGNATURE) == 0) {
    return fail(errc::signer_purpose,
                fmt::format("the certificate of {} is not meant for signatures", subject_of(signer)));
  }
  return {};
}

Status check_pin(const TrustVerdict& verdict, const TrustPolicy& policy) {
  if (policy.pins.empty() || std::ranges::find(policy.pins, verdict.signer_digest) != policy.pins.end()) return {};
  return fail(errc::signer_not_pinned, fmt::format("the certificate of {} has SHA-256 {}, which is not pinned",
                                                   verdict.signer, to_hex(verdict.signer_digest)));
}

/// What the signer says before any arithmetic: algorithms and attributes.
Status check_signer_form(const Catalog& catalog) {
  if (catalog.signers.size() != 1) {
    return fail(errc::bad_signature, fmt::format("the catalog has {} signers, not one", catalog.signers.size()));
  }
  const CatalogSigner& signer = catalog.signers.front();
  if (signer.digest_algorithm != oid::sha256) {
    return fail(errc::weak_signature,
                fmt::format("the signature's digest is {}, not SHA-256", signer.digest_algorithm));
  }
  if (signer.signature_algorithm != oid::rsa_encryption && signer.signature_algorithm != oid::sha256_with_rsa) {
    return fail(errc::weak_signature,
                fmt::format("the signature's algorithm is {}, not RSA with SHA-256", signer.signature_algorithm));
  }
  if (catalog.digest_algorithms != std::vector<std::string>{std::string{oid::sha256}}) {
    return fail(errc::bad_signature, "the catalog's digest algorithms are not those of its signer");
  }
  if (signer.content_type != oid::ctl || !std::ranges::equal(signer.message_digest, sha256(catalog.list_content))) {
    return fail(errc::bad_signature, "the signed attributes do not belong to the catalog's content");
  }
  return {};
}

Result<detail::Pkcs7Handle> to_pkcs7(std::span<const std::byte> der) {
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  detail::Pkcs7Handle pkcs7{d2i_PKCS7(nullptr, &at, static_cast<long>(der.size()))};
  if (!pkcs7 || PKCS7_type_is_signed(pkcs7.get()) != 1 || pkcs7->d.sign == nullptr) {
    return fail(errc::catalog_structure, "not a PKCS#7 message: " + detail::take_openssl_reason());
  }
  return pkcs7;
}

/// The certificate of the only signer, owned by `pkcs7`.
Result<X509*> find_signer(PKCS7* pkcs7, const CatalogSigner& info) {
  const detail::StackHandle signers{PKCS7_get0_signers(pkcs7, nullptr, 0)};
  ERR_clear_error();
  if (!signers || sk_X509_num(signers.get()) != 1) {
    return fail(errc::bad_signature, "the signer's certificate is not in the catalog");
  }
  X509* signer = sk_X509_value(signers.get(), 0);
  // OpenSSL compares names without regard to case and blanks; one spelling is enough.
  if (std::ranges::equal(info.issuer_and_serial, detail::issuer_and_serial(signer))) return signer;
  return fail(errc::bad_signature, "the signer's certificate is not in the catalog");
}

Status check_signature(PKCS7* pkcs7, X509* signer, const Catalog& catalog) {
  const EVP_PKEY* key = X509_get0_pubkey(signer);
  if (key == nullptr || EVP_PKEY_is_a(key, "RSA") != 1 || EVP_PKEY_get_bits(key) < 2048) {
    ERR_clear_error();
    return fail(errc::weak_signature,
                fmt::format("the key of {} is not RSA of at least 2048 bits", subject_of(signer)));
  }
  const auto content = detail::bio_over(catalog.list_content);
  // The chain is checked apart, with an error of its own for each way to fail.
  if (PKCS7_verify(pkcs7, nullptr, nullptr, content.get(), nullptr, PKCS7_NOVERIFY | PKCS7_BINARY) == 1) return {};
  return fail(errc::bad_signature,
              fmt::format("the signature of {} is wrong: {}", subject_of(signer), detail::take_openssl_reason()));
}

Result<TrustVerdict> verify_signed(std::span<const std::byte> catalog_der, const Catalog& catalog,
                                   const TrustPolicy& policy) {
  FL_CHECK(check_signer_form(catalog));
  FL_TRY(const detail::Pkcs7Handle pkcs7, to_pkcs7(catalog_der));
  FL_TRY(X509* const signer, find_signer(pkcs7.get(), catalog.signers.front()));
  FL_CHECK(check_signature(pkcs7.get(), signer, catalog));
  FL_TRY(TrustVerdict verdict, verify_chains(signer, *pkcs7, policy));
  FL_CHECK(check_purpose(signer));
  FL_CHECK(check_pin(verdict, policy));
  return verdict;
}

Result<TrustVerdict> verify_signers(std::span<const std::byte> catalog_der, const Catalog& catalog,
                                    const TrustPolicy& policy) {
  if (!catalog.signers.empty()) return verify_signed(catalog_der, catalog, policy);
  if (policy.allow_unsigned) return TrustVerdict{};
  return fail(errc::unsigned_image, "the image's catalog carries no signature");
}

/// Who says to have signed, nothing checked.
TrustVerdict claim_in(std::span<const std::byte> catalog_der, const Catalog& catalog) {
  if (catalog.signers.empty()) return {};
  const auto pkcs7 = to_pkcs7(catalog_der);
  const auto signer = pkcs7 ? find_signer(pkcs7->get(), catalog.signers.front()) : std::unexpected{pkcs7.error()};
  if (signer) return claim_of(*signer);
  TrustVerdict nobody;
  nobody.is_signed = true;
  return nobody;
}

}  // namespace

Result<TrustAnchor> load_anchor(const std::filesystem::path& path, bool test) {
  FL_TRY(const std::string pem, detail::read_pem_file(path, errc::anchor_file));
  FL_TRY(const auto certificates, detail::parse_certificates(pem, path.string(), errc::anchor_file));
  const detail::BioHandle out{BIO_new(BIO_s_mem())};
  for (const auto& certificate : certificates) PEM_write_bio_X509(out.get(), certificate.get());
  char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);
  return TrustAnchor{.pem = {text, static_cast<std::size_t>(size)}, .name = path.string(), .test = test};
}

Result<TrustVerdict> verify_catalog(std::span<const std::byte> catalog_der, std::span<const std::byte> hash_table,
                                    const TrustPolicy& policy) {
  FL_TRY(const Catalog catalog, parse_catalog(catalog_der));
  FL_CHECK(check_member_digest(catalog, hash_table));
  auto verdict = verify_signers(catalog_der, catalog, policy);
  if (verdict || !policy.inspect_only) return verdict;
  TrustVerdict claim = claim_in(catalog_der, catalog);
  claim.refusal = std::move(verdict).error();
  return claim;
}

}  // namespace flashline::imaging
