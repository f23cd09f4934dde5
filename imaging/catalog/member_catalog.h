#pragma once
// The catalog of a package: a SHA-256 for each file, by name.

#include <cstddef>
#include <ctime>
#include <span>
#include <string>
#include <vector>

#include "imaging/catalog/signed_message.h"
#include "imaging/core/digest.h"
#include "imaging/core/error.h"

namespace flashline::imaging {

/// A file that a catalog vouches for.
struct CatalogMember {
  std::string name;  ///< UTF-8, as in the package: "man.dsm.xml", "1_driver.sys"
  Sha256 digest{};   ///< of its bytes
};

/// A catalog whose structure is right. The spans point into the bytes it was parsed from.
struct MemberCatalog : SignedMessage {
  std::vector<CatalogMember> members;  ///< in the catalog's order; no name twice
};

/// The unsigned catalog over `members`, in their order; the same inputs give the same bytes. Members are called by
/// their names as MakeCat does for files it is given by name. `this_update` in seconds since 1970, UTC.
/// Errors: catalog_member_name (empty, not UTF-8, twice in any case), catalog_member (none at all).
Result<std::vector<std::byte>> build_member_catalog(std::span<const CatalogMember> members, std::time_t this_update);

/// Errors: catalog_size, catalog_der, catalog_structure, catalog_member (none, or one without SHA-256),
/// catalog_member_name.
Result<MemberCatalog> parse_member_catalog(std::span<const std::byte> der);

/// `files` are exactly the catalog's members, names compared without case, each with the digest that stands there.
/// Errors: not_in_catalog (a file the catalog does not name, or a member that is not there), catalog_file_digest.
Status check_members(const MemberCatalog& catalog, std::span<const CatalogMember> files);

}  // namespace flashline::imaging
