#include "imaging/catalog/build_catalog.h"

#include "imaging/catalog/trust_list.h"
#include "imaging/core/digest.h"

namespace flashline::imaging {
namespace {

std::vector<std::byte> digest_of(std::span<const std::byte> hash_table, MemberDigest kind) {
  if (kind == MemberDigest::sha256) {
    const Sha256 digest = sha256(hash_table);
    return {digest.begin(), digest.end()};
  }
  const Sha1 digest = sha1(hash_table);
  return {digest.begin(), digest.end()};
}

}  // namespace

std::vector<std::byte> build_catalog(std::span<const std::byte> hash_table, const CatalogOptions& options) {
  const std::vector<std::byte> tag = tag_of(u"HashTable.blob");
  const std::vector<std::byte> digest = digest_of(hash_table, options.member);
  const ListMember member{.tag = tag, .kind = options.member, .digest = digest};
  return build_trust_list({&member, 1}, options.this_update);
}

}  // namespace flashline::imaging
