#pragma once
// The catalog of an FFU image: a certificate trust list with one member, the digest of the hash table.

#include <cstddef>
#include <cstdint>
#include <ctime>
#include <span>
#include <vector>

namespace flashline::imaging {

/// Digest of the hash table that stands in the catalog. Microsoft's readers take SHA-1 only (ffu-format.md section 6).
enum class MemberDigest : std::uint8_t { sha1, sha256 };

struct CatalogOptions {
  MemberDigest member = MemberDigest::sha1;
  std::time_t this_update = 0;  ///< seconds since 1970, UTC; SOURCE_DATE_EPOCH for reproducible images
};

/// The unsigned catalog over `hash_table` (all of it, dwHashTableSize bytes): 328 bytes with the SHA-1 member, as
/// MakeCat makes it. The same inputs give the same bytes: the list identifier is derived from them. The length depends
/// on `options` only, so it is known before the table is.
std::vector<std::byte> build_catalog(std::span<const std::byte> hash_table, const CatalogOptions& options = {});

}  // namespace flashline::imaging
