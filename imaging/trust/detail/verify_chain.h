#pragma once
// From a signer's certificate to somebody who is trusted. Not for other rooms.

#include "imaging/core/error.h"
#include "imaging/trust/trust_policy.h"

struct pkcs7_st;
struct x509_st;
struct X509_VERIFY_PARAM_st;

namespace flashline::imaging::detail {

/// What every chain must be: RSA of 2048 bits, no SHA-1 below the anchor, valid at `clock`.
void apply_clock(X509_VERIFY_PARAM_st* param, const ClockPolicy& clock);

/// Who `signer` says to be, nothing checked.
TrustVerdict claim_of(const x509_st* signer);

/// The chain of `signer`, with the certificates of `pkcs7` between it and the policy's anchors, at `clock`.
/// Errors: untrusted_chain, certificate_expired, certificate_not_yet_valid, weak_signature, test_signed, anchor_file.
Result<TrustVerdict> verify_chains(x509_st* signer, const pkcs7_st& pkcs7, const TrustPolicy& policy,
                                   const ClockPolicy& clock);

/// The certificate may sign code. Errors: signer_purpose.
Status check_purpose(x509_st* signer);

}  // namespace flashline::imaging::detail
