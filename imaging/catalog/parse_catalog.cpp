#include "imaging/catalog/parse_catalog.h"

#include <algorithm>
#include <spdlog/fmt/fmt.h>
#include <string_view>

#include "imaging/catalog/object_ids.h"
#include "imaging/catalog/trust_list.h"
#include "imaging/core/digest.h"
#include "imaging/core/errors/image.h"

namespace flashline::imaging {
namespace {

/// "HashTable.blob" as UTF-16LE with its NUL. Some makers leave the NUL out.
constexpr std::string_view member_tag{"H\0a\0s\0h\0T\0a\0b\0l\0e\0.\0b\0l\0o\0b\0\0\0", 30};

bool equal(std::span<const std::byte> bytes, std::string_view text) {
  return std::ranges::equal(bytes, std::as_bytes(std::span{text}));
}

}  // namespace

Result<Catalog> parse_catalog(std::span<const std::byte> der) {
  Catalog catalog;
  FL_TRY(static_cast<SignedMessage&>(catalog), parse_signed_message(der, oid::ctl));
  FL_TRY(const auto members, parse_trust_list(catalog));
  if (members.size() != 1) {
    return fail(errc::catalog_member, fmt::format("the catalog has {} members, not one", members.size()));
  }
  const ListMember& member = members.front();
  if (!equal(member.tag, member_tag) && !equal(member.tag, member_tag.substr(0, 28))) {
    return fail(errc::catalog_member, "the member is not HashTable.blob");
  }
  catalog.member = member.kind;
  catalog.member_digest = member.digest;
  return catalog;
}

Status check_member_digest(const Catalog& catalog, std::span<const std::byte> hash_table) {
  const bool same = catalog.member == MemberDigest::sha1
                        ? std::ranges::equal(catalog.member_digest, sha1(hash_table))
                        : std::ranges::equal(catalog.member_digest, sha256(hash_table));
  if (same) return {};
  return fail(errc::catalog_digest, "the hash table is not the one that the catalog names");
}

}  // namespace flashline::imaging
