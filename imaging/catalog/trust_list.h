#pragma once
// The list inside a catalog: which digest belongs to which member. An image's catalog has one, a package's one a file.

#include <cstddef>
#include <ctime>
#include <span>
#include <string_view>
#include <vector>

#include "imaging/catalog/build_catalog.h"
#include "imaging/catalog/signed_message.h"
#include "imaging/core/error.h"

namespace flashline::imaging {

/// The spans point into the bytes of the message.
struct ListMember {
  std::span<const std::byte> tag;
  MemberDigest kind = MemberDigest::sha1;
  std::span<const std::byte> digest;
};

/// Members in the list's order; one at least. Errors: catalog_der, catalog_structure, catalog_member.
Result<std::vector<ListMember>> parse_trust_list(const SignedMessage& message);

/// `name` as the tag of a member that is called by its name: UTF-16LE with a NUL.
std::vector<std::byte> tag_of(std::u16string_view name);
/// The unsigned catalog of `members`. Its identifier is derived from the members and `this_update`, so that the same
/// inputs give the same bytes; MakeCat takes random ones.
std::vector<std::byte> build_trust_list(std::span<const ListMember> members, std::time_t this_update);

}  // namespace flashline::imaging
