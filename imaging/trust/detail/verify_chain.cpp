#include "imaging/trust/detail/verify_chain.h"

#include <algorithm>
#include <openssl/err.h>
#include <openssl/pkcs7.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <span>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/errors/image.h"
#include "imaging/core/errors/trust.h"
#include "imaging/trust/detail/openssl_handles.h"
#include "imaging/workspace/input_xml.h"

namespace flashline::imaging::detail {
namespace {

/// OpenSSL's security level for 112 bits: RSA of 2048, no SHA-1 below the anchor.
constexpr int min_security_level = 2;

struct LoadedAnchor {
  const TrustAnchor* anchor;
  std::vector<CertificateHandle> certificates;
};

Result<std::vector<LoadedAnchor>> load_anchors(std::span<const TrustAnchor> anchors) {
  std::vector<LoadedAnchor> loaded;
  for (const TrustAnchor& anchor : anchors) {
    FL_TRY(auto certificates, parse_certificates(anchor.pem, anchor.name, errc::anchor_file));
    loaded.push_back({&anchor, std::move(certificates)});
  }
  return loaded;
}

std::unexpected<Error> chain_error(X509_STORE_CTX* context, const ClockPolicy& clock) {
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
                              to_utc_text(seconds_of(X509_get0_notAfter(at))), to_utc_text(clock.at)));
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return fail(errc::certificate_not_yet_valid,
                  fmt::format("the certificate of {} is valid from {} on, checked for {}", subject,
                              to_utc_text(seconds_of(X509_get0_notBefore(at))), to_utc_text(clock.at)));
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

bool says_test_only(const X509* certificate) {
  const std::string issuer = folded(issuer_of(certificate));
  return issuer.find("(test only)") != std::string::npos;
}

void note_chain(X509_STORE_CTX* context, const AnchorSet& set, TrustVerdict& verdict) {
  const STACK_OF(X509)* chain = X509_STORE_CTX_get0_chain(context);
  const int length = sk_X509_num(chain);
  verdict.test_signed = verdict.test_signed || set.test;
  for (int i = 0; i < length; ++i) {
    const X509* certificate = sk_X509_value(chain, i);
    verdict.not_after = std::min(verdict.not_after, seconds_of(X509_get0_notAfter(certificate)));
    verdict.test_signed = verdict.test_signed || says_test_only(certificate);
  }
  const TrustAnchor* anchor = owner_of(sk_X509_value(chain, length - 1), set);
  verdict.anchor = anchor != nullptr ? anchor->name : "";
}

Result<TrustVerdict> verify_chain(X509* signer, const PKCS7& pkcs7, const AnchorSet& set, const ClockPolicy& clock) {
  const StoreHandle store{X509_STORE_new()};
  for (const LoadedAnchor& loaded : set.anchors) {
    if (loaded.anchor->test != set.test) continue;
    for (const auto& certificate : loaded.certificates) X509_STORE_add_cert(store.get(), certificate.get());
  }
  const StoreContextHandle context{X509_STORE_CTX_new()};
  if (X509_STORE_CTX_init(context.get(), store.get(), signer, pkcs7.d.sign->cert) != 1) {
    return fail(errc::untrusted_chain, "the chain cannot be checked: " + take_openssl_reason());
  }
  apply_clock(X509_STORE_CTX_get0_param(context.get()), clock);
  if (X509_verify_cert(context.get()) != 1) return chain_error(context.get(), clock);
  TrustVerdict verdict = claim_of(signer);
  note_chain(context.get(), set, verdict);
  return verdict;
}

}  // namespace

void apply_clock(X509_VERIFY_PARAM_st* param, const ClockPolicy& clock) {
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
  verdict.issuer = issuer_of(signer);
  verdict.signer_digest = digest_of(signer);
  verdict.not_after = seconds_of(X509_get0_notAfter(signer));
  verdict.test_signed = says_test_only(signer);
  return verdict;
}

Result<TrustVerdict> verify_chains(X509* signer, const PKCS7& pkcs7, const TrustPolicy& policy,
                                   const ClockPolicy& clock) {
  if (policy.anchors.empty()) {
    return fail(errc::untrusted_chain,
                fmt::format("signed by {}, and no trusted certificate is named", subject_of(signer)));
  }
  FL_TRY(const std::vector<LoadedAnchor> anchors, load_anchors(policy.anchors));
  // Production anchors first, so that what both kinds vouch for counts as production.
  auto verdict = verify_chain(signer, pkcs7, {anchors, false}, clock);
  if (!verdict) {
    auto test = verify_chain(signer, pkcs7, {anchors, true}, clock);
    if (test || verdict.error().code == errc::untrusted_chain) verdict = std::move(test);
  }
  if (verdict && verdict->test_signed && policy.mode == TrustMode::production) {
    return fail(errc::test_signed, fmt::format("signed for test by {} (issuer {}, anchor {})", verdict->signer,
                                               verdict->issuer, verdict->anchor));
  }
  return verdict;
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

}  // namespace flashline::imaging::detail
