#include "imaging/catalog/signed_message.h"

#include <set>
#include <spdlog/fmt/fmt.h>

#include "imaging/catalog/der_reader.h"
#include "imaging/catalog/der_writer.h"
#include "imaging/catalog/object_ids.h"
#include "imaging/core/errors/image.h"

namespace flashline::imaging {
namespace {

using der::parse_algorithm;
using der::Reader;
using der::Value;

constexpr std::size_t max_signers = 16;
constexpr std::size_t max_certificates = 64;
/// A catalog takes some 20 values a member.
constexpr std::size_t max_values = 4'000'000;

Status parse_signed_attribute(const std::string& type, Reader values, MessageSigner& signer) {
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

Status parse_signed_attributes(Reader attributes, MessageSigner& signer) {
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

/// Only the first RFC 3161 token counts; what else stands there is passed over.
Status parse_unsigned_attributes(Reader attributes, MessageSigner& signer) {
  while (!attributes.done()) {
    FL_TRY(Reader attribute, attributes.enter(der::sequence_tag, "an unsigned attribute"));
    FL_TRY(const std::string type, attribute.oid("an unsigned attribute's type"));
    FL_TRY(Reader values, attribute.enter(der::set_tag, "an unsigned attribute's values"));
    FL_CHECK(attribute.end("an unsigned attribute"));
    if (type != oid::time_stamp_token || !signer.time_stamp.empty()) continue;
    FL_TRY(const Value token, values.expect(der::sequence_tag, "the time stamp"));
    signer.time_stamp = token.whole;
  }
  return {};
}

Status expect_version_1(Reader& in, const char* what) {
  FL_TRY(const Value version, in.expect(der::integer_tag, what));
  if (version.content.size() == 1 && version.content[0] == std::byte{1}) return {};
  return fail(errc::catalog_structure, fmt::format("{} is not 1", what));
}

Result<MessageSigner> parse_signer(Reader info) {
  MessageSigner signer;
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
  // Time stamps and countersignatures: not signed by this signer.
  if (info.next_is(der::context_1)) {
    FL_TRY(Reader attributes, info.enter(der::context_1, "the unsigned attributes"));
    FL_CHECK(parse_unsigned_attributes(attributes, signer));
  }
  FL_CHECK(info.end("the signer"));
  return signer;
}

Status parse_content(Reader content, std::string_view type, SignedMessage& message) {
  FL_CHECK(content.expect_oid(type, "the content type"));
  FL_TRY(Reader wrapper, content.enter(der::context_0, "the content"));
  FL_CHECK(content.end("the content info"));
  FL_TRY(const Value value, wrapper.expect(der::sequence_tag, "the content's value"));
  FL_CHECK(wrapper.end("the content"));
  message.content = value.content;
  message.content_at = value.content_at;
  return {};
}

Status parse_certificates(Reader certificates, SignedMessage& message) {
  while (!certificates.done()) {
    if (message.certificates.size() == max_certificates) {
      return fail(errc::catalog_structure, fmt::format("more than {} certificates", max_certificates));
    }
    FL_TRY(const Value certificate, certificates.expect(der::sequence_tag, "a certificate"));
    message.certificates.push_back(certificate.whole);
  }
  return {};
}

Status parse_signed_data(Reader data, std::string_view type, SignedMessage& message) {
  FL_CHECK(expect_version_1(data, "the version of SignedData"));
  FL_TRY(Reader algorithms, data.enter(der::set_tag, "the digest algorithms"));
  while (!algorithms.done()) {
    FL_TRY(std::string algorithm, parse_algorithm(algorithms, "a digest algorithm"));
    message.digest_algorithms.push_back(std::move(algorithm));
  }
  FL_TRY(Reader content, data.enter(der::sequence_tag, "the content info"));
  FL_CHECK(parse_content(content, type, message));
  if (data.next_is(der::context_0)) {
    FL_TRY(Reader certificates, data.enter(der::context_0, "the certificates"));
    FL_CHECK(parse_certificates(certificates, message));
  }
  if (data.next_is(der::context_1)) FL_CHECK(data.next("the revocation lists"));
  FL_TRY(Reader signers, data.enter(der::set_tag, "the signers"));
  while (!signers.done()) {
    if (message.signers.size() == max_signers) return fail(errc::catalog_structure, "more than 16 signers");
    FL_TRY(Reader info, signers.enter(der::sequence_tag, "a signer"));
    FL_TRY(MessageSigner signer, parse_signer(info));
    message.signers.push_back(std::move(signer));
  }
  return data.end("SignedData");
}

}  // namespace

Result<SignedMessage> parse_signed_message(std::span<const std::byte> der, std::string_view content_type) {
  if (der.empty() || der.size() > max_catalog_size) {
    return fail(errc::catalog_size, fmt::format("it has {} bytes", der.size()));
  }
  FL_CHECK(der::check_tree(der, max_values));
  Reader in{der};
  FL_TRY(Reader outer, in.enter(der::sequence_tag, "the message"));
  FL_CHECK(outer.expect_oid(oid::signed_data, "the message's type"));
  FL_TRY(Reader wrapper, outer.enter(der::context_0, "the message's content"));
  FL_CHECK(outer.end("the message"));
  FL_TRY(Reader data, wrapper.enter(der::sequence_tag, "SignedData"));
  FL_CHECK(wrapper.end("the message's content"));
  SignedMessage message;
  message.content_type = content_type;
  FL_CHECK(parse_signed_data(data, content_type, message));
  return message;
}

std::vector<std::byte> unsigned_message(std::string_view content_type, const std::vector<std::byte>& content) {
  const der::Bytes info = der::sequence({der::oid(content_type), der::group(der::context_0, {content})});
  return der::sequence({
      der::oid(oid::signed_data),
      der::group(der::context_0, {der::sequence({der::integer(1), der::set({}), info, der::set({})})}),
  });
}

}  // namespace flashline::imaging
