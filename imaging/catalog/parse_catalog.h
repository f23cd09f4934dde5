#pragma once
// Reads the catalog of an FFU image: which hash table it vouches for, and who says so. Checks structure, not
// signatures.

#include <cstddef>
#include <span>

#include "imaging/catalog/build_catalog.h"
#include "imaging/catalog/signed_message.h"
#include "imaging/core/error.h"

namespace flashline::imaging {

/// A catalog whose structure is right; its content is the trust list. The spans point into the bytes it was parsed
/// from.
struct Catalog : SignedMessage {
  MemberDigest member = MemberDigest::sha1;
  std::span<const std::byte> member_digest;
};

/// Parses all of `der` (exactly dwCatalogSize bytes). Source: ffu-format.md section 6, checks 6 and 10 to 12.
/// Errors: catalog_size, catalog_der, catalog_structure, catalog_member.
Result<Catalog> parse_catalog(std::span<const std::byte> der);

/// The catalog's member digest is that of `hash_table`. Errors: catalog_digest.
Status check_member_digest(const Catalog& catalog, std::span<const std::byte> hash_table);

}  // namespace flashline::imaging
