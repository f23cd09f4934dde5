#include "imaging/catalog/parse_catalog.h"

#include <algorithm>
#include <array>
#include <set>
#include <spdlog/fmt/fmt.h>
#include <string_view>

#include "imaging/catalog/der_reader.h"
#include "imaging/catalog/der_writer.h"
#include "imaging/catalog/object_ids.h"
#include "imaging/core/digest.h"
#include "imaging/core/errors/image.h"

namespace flashline::imaging {
namespace {

using der::Reader;
using der::Value;

/// "HashTable.blob" as UTF-16LE with its NUL. Some makers leave the NUL out.
constexpr std::string_view member_tag{"H\0a\0s\0h\0T\0a\0b\0l\0e\0.\0b\0l\0o\0b\0\0\0", 30};
constexpr std::size_t max_signers = 16;
constexpr std::size_t max_certificates = 64;

bool equal(std::span<const std::byte> bytes, std::string_view text) {
  return std::ranges::equal(bytes, std::as_bytes(std::span{text}));
}

/// AlgorithmIdentifier whose parameters are absent or NULL, as for all algorithms that a catalog uses.
Result<std::string> parse_algorithm(Reader& in, const char* what) {
  FL_TRY(Reader algorithm, in.enter(der::sequence_tag, what));
  FL_TRY(std::string id, algorithm.oid(what));
  if (algorithm.next_is(der::null_tag)) FL_CHECK(algorithm.next(what));
  FL_CHECK(algorithm.end(what));
  return id;
}

Status parse_member_digest(Reader indirect_data, Catalog& catalog) {
  FL_TRY(Reader data, indirect_data.enter(der::sequence_tag, "SpcIndirectData"));
  FL_CHECK(indirect_data.end("the set of SpcIndirectData"));
  FL_CHECK(data.expect(der::sequence_tag, "the link of SpcIndirectData"));
  FL_TRY(Reader info, data.enter(der::sequence_tag, "the digest of SpcIndirectData"));
  FL_CHECK(data.end("SpcIndirectData"));
  FL_TRY(const std::string algorithm, parse_algorithm(info, "the member's digest algorithm"));
  FL_TRY(const Value digest, info.expect(der::octets_tag, "the member's digest"));
  FL_CHECK(info.end("the member's digest"));
  if (algorithm != oid::sha1 && algorithm != oid::sha256) {
    return fail(errc::catalog_member, fmt::format("the member's digest algorithm {} is not known", algorithm));
  }
  catalog.member = algorithm == oid::sha1 ? MemberDigest::sha1 : MemberDigest::sha256;
  catalog.member_digest = digest.content;
  const std::size_t size = catalog.member == MemberDigest::sha1 ? sizeof(Sha1) : sizeof(Sha256);
  if (digest.content.size() == size) return {};
  return fail(errc::catalog_member,
              fmt::format("the member's digest has {} bytes, not {}", digest.content.size(), size));
}

Status parse_member(Reader member, Catalog& catalog) {
  FL_TRY(const Value tag, member.expect(der::octets_tag, "the member's tag"));
  if (!equal(tag.content, member_tag) && !equal(tag.content, member_tag.substr(0, 28))) {
    return fail(errc::catalog_member, "the member is not HashTable.blob");
  }
  FL_TRY(Reader attributes, member.enter(der::set_tag, "the member's attributes"));
  FL_CHECK(member.end("the member"));
  bool found = false;
  while (!attributes.done()) {
    FL_TRY(Reader attribute, attributes.enter(der::sequence_tag, "an attribute of the member"));
    FL_TRY(const std::string type, attribute.oid("an attribute's type"));
    FL_TRY(const Value values, attribute.expect(der::set_tag, "an attribute's values"));
    FL_CHECK(attribute.end("an attribute of the member"));
    if (type != oid::indirect_data) continue;
    if (found) return fail(errc::catalog_structure, "the member has two SpcIndirectData attributes");
    found = true;
    FL_CHECK(parse_member_digest(Reader{values}, catalog));
  }
  if (found) return {};
  return fail(errc::catalog_member, "the member has no digest");
}

Status parse_list(Reader list, Catalog& catalog) {
  FL_TRY(Reader usage, list.enter(der::sequence_tag, "the list's usage"));
  FL_CHECK(usage.expect_oid(oid::catalog_list, "the list's usage"));
  FL_CHECK(usage.end("the list's usage"));
  FL_CHECK(list.expect(der::octets_tag, "the list's identifier"));
  FL_CHECK(list.expect(list.next_is(der::generalized_time_tag) ? der::generalized_time_tag : der::utc_time_tag,
                       "the list's time"));
  FL_TRY(const std::string algorithm, parse_algorithm(list, "the list's member algorithm"));
  if (algorithm != oid::catalog_list_member && algorithm != oid::catalog_list_member_v2) {
    return fail(errc::catalog_structure, fmt::format("the list's member algorithm {} is not known", algorithm));
  }
  FL_TRY(Reader members, list.enter(der::sequence_tag, "the list's members"));
  if (members.done()) return fail(errc::catalog_member, "the catalog has no member");
  FL_TRY(Reader member, members.enter(der::sequence_tag, "the member"));
  if (!members.done()) return fail(errc::catalog_member, "the catalog has more than one member");
  FL_CHECK(parse_member(member, catalog));
  if (list.next_is(der::context_0)) FL_CHECK(list.next("the list's extensions"));
  return list.end("the list");
}

Status parse_signed_attribute(const std::string& type, Reader values, CatalogSigner& signer) {
  FL_TRY(const Value value, values.next("a signed attribute's value"));
  if (type != oid::content_type && type != oid::message_digest) return {};
  FL_CHECK(values.end("a signed attribute that has one value"));
  if (type == oid::content_type) {
    Reader again{value.whole};
    FL_TRY(signer.content_type, again.oid("the content type"));
  } else {
    if (value.tag != der::octets_tag) return fail(errc::catalog_structure, "messageDigest is not an octet string");
    signer.message_digest = value.content;
  }
  return {};
}

Status parse_signed_attributes(Reader attributes, CatalogSigner& signer) {
  std::set<std::string, std::less<>> seen;
  while (!attributes.done()) {
    FL_TRY(Reader attribute, attributes.enter(der::sequence_tag, "a signed attribute"));
    FL_TRY(const std::string type, attribute.oid("a signed attribute's type"));
    FL_TRY(Reader values, attribute.enter(der::set_tag, "a signed attribute's values"));
    FL_CHECK(attribute.end("a signed attribute"));
    if (!seen.insert(type).second) {
      return fail(errc::catalog_structure, fmt::format("signed attribute {} stands there twice", type));
    }
    FL_CHECK(parse_signed_attribute(type, values, signer));
  }
  return {};
}

Status expect_version_1(Reader& in, const char* what) {
  FL_TRY(const Value version, in.expect(der::integer_tag, what));
  if (version.content.size() == 1 && version.content[0] == std::byte{1}) return {};
  return fail(errc::catalog_structure, fmt::format("{} is not 1", what));
}

Result<CatalogSigner> parse_signer(Reader info) {
  CatalogSigner signer;
  FL_CHECK(expect_version_1(info, "the signer's version"));
  FL_TRY(const Value certificate, info.expect(der::sequence_tag, "the signer's issuer and serial number"));
  signer.issuer_and_serial = certificate.whole;
  FL_TRY(signer.digest_algorithm, parse_algorithm(info, "the signer's digest algorithm"));
  if (info.next_is(der::context_0)) {
    FL_TRY(Reader attributes, info.enter(der::context_0, "the signed attributes"));
    FL_CHECK(parse_signed_attributes(attributes, signer));
  }
  FL_TRY(signer.signature_algorithm, parse_algorithm(info, "the signature algorithm"));
  FL_TRY(const Value signature, info.expect(der::octets_tag, "the signature"));
  signer.signature = signature.content;
  // Timestamps and countersignatures: not signed by this signer, so nothing here depends on them.
  if (info.next_is(der::context_1)) FL_CHECK(info.next("the unsigned attributes"));
  FL_CHECK(info.end("the signer"));
  return signer;
}

Status parse_content(Reader content, Catalog& catalog) {
  FL_CHECK(content.expect_oid(oid::ctl, "the content type"));
  FL_TRY(Reader wrapper, content.enter(der::context_0, "the content"));
  FL_CHECK(content.end("the content info"));
  FL_TRY(const Value list, wrapper.expect(der::sequence_tag, "the trust list"));
  FL_CHECK(wrapper.end("the content"));
  catalog.list_content = list.content;
  return parse_list(Reader{list}, catalog);
}

Status parse_certificates(Reader certificates, Catalog& catalog) {
  while (!certificates.done()) {
    if (catalog.certificates.size() == max_certificates) {
      return fail(errc::catalog_structure, fmt::format("more than {} certificates", max_certificates));
    }
    FL_TRY(const Value certificate, certificates.expect(der::sequence_tag, "a certificate"));
    catalog.certificates.push_back(certificate.whole);
  }
  return {};
}

Status parse_signed_data(Reader data, Catalog& catalog) {
  FL_CHECK(expect_version_1(data, "the version of SignedData"));
  FL_TRY(Reader algorithms, data.enter(der::set_tag, "the digest algorithms"));
  while (!algorithms.done()) {
    FL_TRY(std::string algorithm, parse_algorithm(algorithms, "a digest algorithm"));
    catalog.digest_algorithms.push_back(std::move(algorithm));
  }
  FL_TRY(Reader content, data.enter(der::sequence_tag, "the content info"));
  FL_CHECK(parse_content(content, catalog));
  if (data.next_is(der::context_0)) {
    FL_TRY(Reader certificates, data.enter(der::context_0, "the certificates"));
    FL_CHECK(parse_certificates(certificates, catalog));
  }
  if (data.next_is(der::context_1)) FL_CHECK(data.next("the revocation lists"));
  FL_TRY(Reader signers, data.enter(der::set_tag, "the signers"));
  while (!signers.done()) {
    if (catalog.signers.size() == max_signers) return fail(errc::catalog_structure, "more than 16 signers");
    FL_TRY(Reader info, signers.enter(der::sequence_tag, "a signer"));
    FL_TRY(CatalogSigner signer, parse_signer(info));
    catalog.signers.push_back(std::move(signer));
  }
  return data.end("SignedData");
}

}  // namespace

Result<Catalog> parse_catalog(std::span<const std::byte> der) {
  if (der.empty() || der.size() > max_catalog_size) {
    return fail(errc::catalog_size, fmt::format("the catalog has {} bytes", der.size()));
  }
  FL_CHECK(der::check_tree(der));
  Reader in{der};
  FL_TRY(Reader outer, in.enter(der::sequence_tag, "the catalog"));
  FL_CHECK(outer.expect_oid(oid::signed_data, "the catalog's type"));
  FL_TRY(Reader wrapper, outer.enter(der::context_0, "the catalog's content"));
  FL_CHECK(outer.end("the catalog"));
  FL_TRY(Reader data, wrapper.enter(der::sequence_tag, "SignedData"));
  FL_CHECK(wrapper.end("the catalog's content"));
  Catalog catalog;
  FL_CHECK(parse_signed_data(data, catalog));
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
