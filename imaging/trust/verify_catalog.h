#pragma once
// May this image be written? The chain trust anchor -> catalog signature -> hash table, by the policy of the station.

#include <cstddef>
#include <filesystem>
#include <span>

#include "imaging/core/error.h"
#include "imaging/trust/trust_policy.h"

namespace flashline::imaging {

/// Reads the certificates of a PEM file (and nothing else of it: a key that lies there is not kept).
/// `test`: they vouch for test-signed content only. Errors: anchor_file.
Result<TrustAnchor> load_anchor(const std::filesystem::path& path, bool test);

/// Checks `catalog_der` (all dwCatalogSize bytes) against `hash_table` (all dwHashTableSize bytes) and `policy`:
/// structure, the table's digest, exactly one signer with RSA ≥ 2048 and SHA-256, the signature, the chain to the
/// policy's anchors (nobody else's; an intermediate certificate may be an anchor), expiry by the clock policy, code
/// signing where the certificate names purposes, pins, and no test anchor in production mode.
/// A signature that is there is always checked, also where unsigned images are allowed.
/// Under policy.inspect_only a refusal by the policy is told in the verdict instead of being an error.
/// The clock policy's `at` must be set for Kind::now, too: this room has no clock.
/// Errors: those of parse_catalog, catalog_digest, unsigned_image, bad_signature, weak_signature, untrusted_chain,
/// certificate_expired, certificate_not_yet_valid, signer_purpose, signer_not_pinned, test_signed, anchor_file.
Result<TrustVerdict> verify_catalog(std::span<const std::byte> catalog_der, std::span<const std::byte> hash_table,
                                    const TrustPolicy& policy);

}  // namespace flashline::imaging
