#pragma once
// Is a signed message signed by somebody who may? Catalogs, cabinets and programs alike. Not for other rooms.

#include <cstddef>
#include <span>

#include "imaging/catalog/signed_message.h"
#include "imaging/core/error.h"
#include "imaging/trust/trust_policy.h"

namespace flashline::imaging::detail {

/// `refusal`, or under policy.inspect_only `claim` that tells it.
Result<TrustVerdict> refuse_unless_inspected(Error refusal, TrustVerdict claim, const TrustPolicy& policy);
/// What the policy says to content that nobody signed. Errors: `refusal`.
Result<TrustVerdict> verdict_on_unsigned(Error refusal, const TrustPolicy& policy);

/// Exactly one signer with RSA ≥ 2048 and SHA-256, the signature, its time stamp, the chain, the purpose, the pins.
/// `message` was parsed from `der`. Whether its content is true is the caller's to check.
/// Errors: `when_unsigned`, bad_signature, weak_signature, bad_time_stamp, untrusted_chain, certificate_expired,
/// certificate_not_yet_valid, signer_purpose, signer_not_pinned, test_signed, anchor_file, catalog_structure.
Result<TrustVerdict> verify_message(std::span<const std::byte> der, const SignedMessage& message,
                                    const TrustPolicy& policy, const Error& when_unsigned);

}  // namespace flashline::imaging::detail
