#include "imaging/catalog/trust_list.h"

#include <spdlog/fmt/fmt.h>

#include "imaging/catalog/der_reader.h"
#include "imaging/catalog/der_writer.h"
#include "imaging/catalog/object_ids.h"
#include "imaging/core/digest.h"
#include "imaging/core/errors/image.h"

namespace flashline::imaging {
namespace {

using der::Bytes;
using der::Reader;
using der::Value;

/// Subject type GUID that MakeCat gives flat files.
constexpr std::string_view flat_file_subject = "{DE351A42-8E59-11D0-8C47-00C04FC295EE}";
constexpr std::uint32_t certificate_version = 0x200;

Status parse_digest(Reader indirect_data, ListMember& member) {
  FL_TRY(Reader data, indirect_data.enter(der::sequence_tag, "SpcIndirectData"));
  FL_CHECK(indirect_data.end("the set of SpcIndirectData"));
  FL_CHECK(data.expect(der::sequence_tag, "the link of SpcIndirectData"));
  FL_TRY(Reader info, data.enter(der::sequence_tag, "the digest of SpcIndirectData"));
  FL_CHECK(data.end("SpcIndirectData"));
  FL_TRY(const std::string algorithm, der::parse_algorithm(info, "the member's digest algorithm"));
  FL_TRY(const Value digest, info.expect(der::octets_tag, "the member's digest"));
  FL_CHECK(info.end("the member's digest"));
  if (algorithm != oid::sha1 && algorithm != oid::sha256) {
    return fail(errc::catalog_member, fmt::format("the member's digest algorithm {} is not known", algorithm));
  }
  member.kind = algorithm == oid::sha1 ? MemberDigest::sha1 : MemberDigest::sha256;
  member.digest = digest.content;
  const std::size_t size = member.kind == MemberDigest::sha1 ? sizeof(Sha1) : sizeof(Sha256);
  if (digest.content.size() == size) return {};
  return fail(errc::catalog_member,
              fmt::format("the member's digest has {} bytes, not {}", digest.content.size(), size));
}

Result<ListMember> parse_member(Reader in) {
  ListMember member;
  FL_TRY(const Value tag, in.expect(der::octets_tag, "the member's tag"));
  member.tag = tag.content;
  FL_TRY(Reader attributes, in.enter(der::set_tag, "the member's attributes"));
  FL_CHECK(in.end("the member"));
  while (!attributes.done()) {
    FL_TRY(Reader attribute, attributes.enter(der::sequence_tag, "an attribute of the member"));
    FL_TRY(const std::string type, attribute.oid("an attribute's type"));
    FL_TRY(const Value values, attribute.expect(der::set_tag, "an attribute's values"));
    FL_CHECK(attribute.end("an attribute of the member"));
    if (type != oid::indirect_data) continue;
    if (!member.digest.empty()) {
      return fail(errc::catalog_structure, "the member has two SpcIndirectData attributes");
    }
    FL_CHECK(parse_digest(Reader{values}, member));
  }
  if (member.digest.empty()) return fail(errc::catalog_member, "the member has no digest");
  return member;
}

Result<std::vector<ListMember>> parse_members(Reader in) {
  std::vector<ListMember> members;
  while (!in.done()) {
    FL_TRY(Reader member, in.enter(der::sequence_tag, "the member"));
    FL_TRY(members.emplace_back(), parse_member(member));
  }
  if (members.empty()) return fail(errc::catalog_member, "the catalog has no member");
  return members;
}

/// 16 bytes that stand for all of `members`.
Bytes list_identifier(std::span<const ListMember> members, std::time_t this_update) {
  Sha256Stream stream;
  for (const ListMember& member : members) stream.update(member.digest);
  const auto seconds = static_cast<std::uint64_t>(this_update);
  for (unsigned shift = 0; shift < 64; shift += 8) {
    const auto byte = static_cast<std::byte>(seconds >> shift & 0xFF);
    stream.update({&byte, 1});
  }
  const Sha256 all = stream.finish();
  return {all.begin(), all.begin() + 16};
}

Bytes indirect_data(const ListMember& member) {
  const Bytes empty_file_name = der::group(der::context_2, {der::value(der::context_0_primitive, {})});
  const std::string_view algorithm = member.kind == MemberDigest::sha256 ? oid::sha256 : oid::sha1;
  return der::sequence({
      der::sequence({der::oid(oid::link), empty_file_name}),
      der::sequence({der::sequence({der::oid(algorithm), der::null()}), der::octets(member.digest)}),
  });
}

Bytes encode(const ListMember& member) {
  const Bytes info = der::sequence({der::bmp(flat_file_subject), der::integer(certificate_version)});
  return der::sequence({
      der::octets(member.tag),
      der::set({
          der::sequence({der::oid(oid::indirect_data), der::set({indirect_data(member)})}),
          der::sequence({der::oid(oid::member_info), der::set({info})}),
      }),
  });
}

}  // namespace

Result<std::vector<ListMember>> parse_trust_list(const SignedMessage& message) {
  Reader list{message.content, message.content_at};
  FL_TRY(Reader usage, list.enter(der::sequence_tag, "the list's usage"));
  FL_CHECK(usage.expect_oid(oid::catalog_list, "the list's usage"));
  FL_CHECK(usage.end("the list's usage"));
  FL_CHECK(list.expect(der::octets_tag, "the list's identifier"));
  FL_CHECK(list.expect(list.next_is(der::generalized_time_tag) ? der::generalized_time_tag : der::utc_time_tag,
                       "the list's time"));
  FL_TRY(const std::string algorithm, der::parse_algorithm(list, "the list's member algorithm"));
  if (algorithm != oid::catalog_list_member && algorithm != oid::catalog_list_member_v2) {
    return fail(errc::catalog_structure, fmt::format("the list's member algorithm {} is not known", algorithm));
  }
  FL_TRY(Reader in, list.enter(der::sequence_tag, "the list's members"));
  FL_TRY(auto members, parse_members(in));
  if (list.next_is(der::context_0)) FL_CHECK(list.next("the list's extensions"));
  FL_CHECK(list.end("the list"));
  return members;
}

std::vector<std::byte> tag_of(std::u16string_view name) {
  Bytes tag;
  for (const char16_t unit : name) {
    tag.push_back(static_cast<std::byte>(unit & 0xFF));
    tag.push_back(static_cast<std::byte>(unit >> 8));
  }
  tag.insert(tag.end(), 2, std::byte{});
  return tag;
}

std::vector<std::byte> build_trust_list(std::span<const ListMember> members, std::time_t this_update) {
  Bytes encoded;
  for (const ListMember& member : members) {
    const Bytes one = encode(member);
    encoded.insert(encoded.end(), one.begin(), one.end());
  }
  return unsigned_message(oid::ctl, der::sequence({
                                        der::sequence({der::oid(oid::catalog_list)}),
                                        der::octets(list_identifier(members, this_update)),
                                        der::time(this_update),
                                        der::sequence({der::oid(oid::catalog_list_member), der::null()}),
                                        der::value(der::sequence_tag, encoded),
                                    }));
}

}  // namespace flashline::imaging
