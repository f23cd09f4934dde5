#pragma once
// May this package be used? Its catalog, its cabinet, the programs in it. What an image's catalog is asked is in
// verify_catalog.h.

#include <cstddef>
#include <span>
#include <vector>

#include "imaging/catalog/member_catalog.h"
#include "imaging/core/block_view.h"
#include "imaging/core/error.h"
#include "imaging/trust/trust_policy.h"

namespace flashline::imaging {

/// Checks the catalog of a package: it names exactly `files` with their digests, and is signed by somebody the policy
/// trusts. Errors: those of parse_member_catalog, check_members; unsigned_file, bad_signature, weak_signature,
/// bad_time_stamp, untrusted_chain, certificate_expired, certificate_not_yet_valid, signer_purpose, signer_not_pinned,
/// test_signed, anchor_file.
Result<TrustVerdict> verify_member_catalog(std::span<const std::byte> der, std::span<const CatalogMember> files,
                                           const TrustPolicy& policy);

/// Checks who signed a catalog, whatever it vouches for. Errors: catalog_size, catalog_der, catalog_structure,
/// and the policy's as above.
Result<TrustVerdict> verify_catalog_signature(std::span<const std::byte> der, const TrustPolicy& policy);

/// Each certificate of `anchors` as an anchor of its own that is called by its common name: a verdict names the root.
/// Errors: anchor_file.
Result<std::vector<TrustAnchor>> by_common_name(std::span<const TrustAnchor> anchors);

/// Checks a cabinet against the signature it carries. Every byte of the file counts.
/// Under policy.inspect_only a refusal by the policy or a wrong digest is told in the verdict.
/// Errors: truncated, cab_form, image_read, signature_form, file_altered, and the policy's as above.
Result<TrustVerdict> verify_cab_signature(BlockView& file, const TrustPolicy& policy);
/// The same for a program (PE32, PE32+). Errors: pe_form instead of cab_form.
Result<TrustVerdict> verify_pe_signature(BlockView& file, const TrustPolicy& policy);

}  // namespace flashline::imaging
