#pragma once
// Reads the catalog of an FFU image: which hash table it vouches for, and who says so. Checks structure, not
// signatures.

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "imaging/catalog/build_catalog.h"
#include "imaging/core/error.h"

namespace flashline::imaging {

/// Catalogs beyond this size are refused before they are read (ffu-format.md section 9).
constexpr std::size_t max_catalog_size = 16U * 1024 * 1024;

/// One SignerInfo. Object identifiers as dotted text.
struct CatalogSigner {
  std::span<const std::byte> issuer_and_serial;  ///< DER: which certificate
  std::string digest_algorithm;
  std::string signature_algorithm;
  std::string content_type;                   ///< signed attribute; empty: missing
  std::span<const std::byte> message_digest;  ///< signed attribute; empty: missing
  std::span<const std::byte> signature;
};

/// A catalog whose structure is right. The spans point into the bytes it was parsed from.
struct Catalog {
  MemberDigest member = MemberDigest::sha1;
  std::span<const std::byte> member_digest;
  std::span<const std::byte> list_content;     ///< content octets of the trust list: what messageDigest covers
  std::vector<std::string> digest_algorithms;  ///< of SignedData
  std::vector<std::span<const std::byte>> certificates;  ///< DER, in the catalog's order
  std::vector<CatalogSigner> signers;                    ///< empty: unsigned
};

/// Parses all of `der` (exactly dwCatalogSize bytes). Source: ffu-format.md section 6, checks 6 and 10 to 12.
/// Errors: catalog_size, catalog_der, catalog_structure, catalog_member.
Result<Catalog> parse_catalog(std::span<const std::byte> der);

/// The catalog's member digest is that of `hash_table`. Errors: catalog_digest.
Status check_member_digest(const Catalog& catalog, std::span<const std::byte> hash_table);

}  // namespace flashline::imaging
