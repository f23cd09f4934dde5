#include "imaging/catalog/build_catalog.h"

#include <string_view>

#include "imaging/catalog/der_writer.h"
#include "imaging/catalog/object_ids.h"
#include "imaging/core/digest.h"

namespace flashline::imaging {
namespace {

using der::Bytes;

constexpr std::string_view member_name = "HashTable.blob";
/// Subject type GUID that MakeCat gives flat files.
constexpr std::string_view flat_file_subject = "{DE351A42-8E59-11D0-8C47-00C04FC295EE}";
constexpr std::uint32_t certificate_version = 0x200;

Bytes member_digest(std::span<const std::byte> hash_table, MemberDigest kind) {
  if (kind == MemberDigest::sha256) {
    const Sha256 digest = sha256(hash_table);
    return {digest.begin(), digest.end()};
  }
  const Sha1 digest = sha1(hash_table);
  return {digest.begin(), digest.end()};
}

/// MakeCat takes random bytes; derived ones keep images reproducible.
Bytes list_identifier(const Bytes& digest, std::time_t this_update) {
  Sha256Stream stream;
  stream.update(digest);
  const auto seconds = static_cast<std::uint64_t>(this_update);
  for (unsigned shift = 0; shift < 64; shift += 8) {
    const auto byte = static_cast<std::byte>(seconds >> shift & 0xFF);
    stream.update({&byte, 1});
  }
  const Sha256 all = stream.finish();
  return {all.begin(), all.begin() + 16};
}

Bytes member_tag() {
  Bytes tag;
  for (const char letter : member_name) tag.insert(tag.end(), {static_cast<std::byte>(letter), std::byte{}});
  tag.insert(tag.end(), 2, std::byte{});
  return der::octets(tag);
}

Bytes indirect_data(const Bytes& digest, MemberDigest kind) {
  const Bytes empty_file_name = der::group(der::context_2, {der::value(der::context_0_primitive, {})});
  const std::string_view algorithm = kind == MemberDigest::sha256 ? oid::sha256 : oid::sha1;
  return der::sequence({
      der::sequence({der::oid(oid::link), empty_file_name}),
      der::sequence({der::sequence({der::oid(algorithm), der::null()}), der::octets(digest)}),
  });
}

Bytes member(const Bytes& digest, MemberDigest kind) {
  const Bytes info = der::sequence({der::bmp(flat_file_subject), der::integer(certificate_version)});
  return der::sequence({
      member_tag(),
      der::set({
          der::sequence({der::oid(oid::indirect_data), der::set({indirect_data(digest, kind)})}),
          der::sequence({der::oid(oid::member_info), der::set({info})}),
      }),
  });
}

Bytes trust_list(const Bytes& digest, const CatalogOptions& options) {
  return der::sequence({
      der::sequence({der::oid(oid::catalog_list)}),
      der::octets(list_identifier(digest, options.this_update)),
      der::time(options.this_update),
      der::sequence({der::oid(oid::catalog_list_member), der::null()}),
      der::sequence({member(digest, options.member)}),
  });
}

}  // namespace

std::vector<std::byte> build_catalog(std::span<const std::byte> hash_table, const CatalogOptions& options) {
  const Bytes digest = member_digest(hash_table, options.member);
  const Bytes content = der::sequence({
      der::oid(oid::ctl),
      der::group(der::context_0, {trust_list(digest, options)}),
  });
  return der::sequence({
      der::oid(oid::signed_data),
      der::group(der::context_0, {der::sequence({der::integer(1), der::set({}), content, der::set({})})}),
  });
}

}  // namespace flashline::imaging
