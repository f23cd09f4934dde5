#include "imaging/trust/signable_file.h"

#include <algorithm>
#include <span>
#include <spdlog/fmt/fmt.h>

#include "imaging/catalog/der_reader.h"
#include "imaging/catalog/der_writer.h"
#include "imaging/catalog/object_ids.h"
#include "imaging/core/byte_reader.h"
#include "imaging/core/errors/trust.h"
#include "imaging/core/little_endian.h"

namespace flashline::imaging {
namespace {

using der::Bytes;

constexpr std::size_t piece_size = 256 * 1024;
/// WIN_CERTIFICATE: length, revision 2.0, type PKCS#7.
constexpr std::size_t certificate_header = 8;
constexpr std::uint32_t certificate_kind = 0x00020200;

/// Sum of little-endian 16-bit words, with the carry added again. A last odd byte is a word with a zero.
std::uint32_t sum_words(std::span<const std::byte> bytes, std::uint32_t sum) {
  for (std::size_t i = 0; i < bytes.size(); i += 2) {
    const auto high = i + 1 < bytes.size() ? std::to_integer<std::uint32_t>(bytes[i + 1]) : 0U;
    sum += std::to_integer<std::uint32_t>(bytes[i]) | high << 8;
    sum = (sum & 0xFFFF) + (sum >> 16);
  }
  return sum;
}

std::unexpected<Error> malformed(std::string detail) { return fail(errc::signature_form, std::move(detail)); }

/// DER errors are those of catalogs; here the file is no catalog.
Error as_signature_error(Error error) { return {errc::signature_form, std::move(error.detail)}; }

Result<std::span<const std::byte>> without_certificate_header(std::span<const std::byte> table) {
  if (table.size() < certificate_header || load32(std::span{table}.subspan(4)) != certificate_kind) {
    return malformed("the certificate table holds no PKCS#7 signature");
  }
  // Some signers leave what fills up to eight bytes out of the length.
  const std::size_t length = load32(table);
  if (length < certificate_header || (length + 7) / 8 * 8 != (table.size() + 7) / 8 * 8 || length > table.size()) {
    return malformed("the certificate table holds more than one signature");
  }
  return table.subspan(certificate_header);
}

/// SpcLink to a file of no name, as everybody writes it.
Bytes obsolete_file() {
  const Bytes name = der::bmp("<<<Obsolete>>>");
  return der::group(der::context_2, {der::value(der::context_0_primitive, std::span{name}.subspan(2))});
}

Bytes what_is_signed(SignableFile::Kind kind) {
  if (kind == SignableFile::Kind::cabinet) return der::sequence({der::oid(oid::link), obsolete_file()});
  constexpr std::uint8_t bit_string_tag = 0x03;
  const std::byte no_bits{0};
  return der::sequence({der::oid(oid::pe_image_data), der::sequence({der::value(bit_string_tag, {&no_bits, 1}),
                                                                     der::group(der::context_0, {obsolete_file()})})});
}

Result<Sha256> parse_indirect(SignableFile::Kind kind, std::span<const std::byte> content) {
  der::Reader in{content};
  FL_TRY(der::Reader what, in.enter(der::sequence_tag, "what is signed"));
  FL_CHECK(what.expect_oid(kind == SignableFile::Kind::cabinet ? oid::link : oid::pe_image_data, "its kind"));
  FL_TRY(der::Reader info, in.enter(der::sequence_tag, "the digest's information"));
  FL_CHECK(in.end("SpcIndirectData"));
  FL_TRY(const std::string algorithm, der::parse_algorithm(info, "the digest's algorithm"));
  FL_TRY(const der::Value digest, info.expect(der::octets_tag, "the digest"));
  FL_CHECK(info.end("the digest's information"));
  if (algorithm != oid::sha256) {
    return fail(errc::weak_signature, fmt::format("the file's digest is {}, not SHA-256", algorithm));
  }
  Sha256 found{};
  if (digest.content.size() != found.size()) return malformed("the digest has not 32 bytes");
  std::ranges::copy(digest.content, found.begin());
  return found;
}

}  // namespace

Result<SignableDigest> digest_of(BlockView& file, const SignableFile& form) {
  Sha256Stream stream;
  for (const HeadPart& part : form.covered) {
    stream.update(std::span{form.head}.subspan(part.begin, part.end - part.begin));
  }
  SignableDigest result;
  std::vector<std::byte> piece(static_cast<std::size_t>(std::min<std::uint64_t>(piece_size, form.body.value)));
  for (std::uint64_t done = 0; done < form.body.value;) {
    const auto now =
        std::span{piece}.first(static_cast<std::size_t>(std::min<std::uint64_t>(piece.size(), form.body.value - done)));
    FL_CHECK(file.read(ByteOffset{form.body_at.value + done}, now));
    stream.update(now);
    if (form.checksum_at) result.body_words = sum_words(now, result.body_words);
    done += now.size();
  }
  stream.update(std::vector<std::byte>(form.padding));
  result.digest = stream.finish();
  return result;
}

std::uint32_t checksum_of(const SignableFile& form, std::uint32_t body_words) {
  std::vector<std::byte> head = form.head;
  if (form.checksum_at) store32(std::span{head}.subspan(*form.checksum_at), 0);
  const std::uint32_t sum = sum_words(form.signature, sum_words(head, body_words));
  const std::uint64_t size = form.head.size() + form.body.value + form.padding + form.signature.size();
  return (sum & 0xFFFF) + static_cast<std::uint32_t>(size);
}

Result<std::span<const std::byte>> message_in(const SignableFile& form) {
  if (form.signature.empty()) return fail(errc::unsigned_file, "it carries no signature");
  std::span<const std::byte> area = form.signature;
  if (form.kind == SignableFile::Kind::program) {
    FL_TRY(area, without_certificate_header(area));
  }
  der::Reader in{area};
  const auto message = in.next("the signature");
  if (!message) return std::unexpected{as_signature_error(message.error())};
  const auto rest = area.subspan(message->whole.size());
  if (rest.size() >= 8 || std::ranges::any_of(rest, [](std::byte byte) { return byte != std::byte{}; })) {
    return malformed(fmt::format("{} bytes that belong to nothing follow the signature", rest.size()));
  }
  return message->whole;
}

Status place_message(SignableFile& form, std::span<const std::byte> message, std::uint32_t body_words) {
  const bool program = form.kind == SignableFile::Kind::program;
  form.signature.assign(program ? certificate_header : 0, std::byte{});
  form.signature.insert(form.signature.end(), message.begin(), message.end());
  form.signature.resize((form.signature.size() + 7) / 8 * 8);
  const std::uint64_t at = form.head.size() + form.body.value + form.padding;
  if (at + form.signature.size() > UINT32_MAX) return malformed("the signed file would not fit 4 GiB");
  const auto size = static_cast<std::uint32_t>(form.signature.size());
  if (program) {
    store32(form.signature, size);
    store32(std::span{form.signature}.subspan(4), certificate_kind);
  }
  store32(std::span{form.head}.subspan(form.place_at), static_cast<std::uint32_t>(at));
  store32(std::span{form.head}.subspan(form.place_at + 4), size);
  if (form.checksum_at) store32(std::span{form.head}.subspan(*form.checksum_at), checksum_of(form, body_words));
  return {};
}

std::vector<std::byte> indirect_data(SignableFile::Kind kind, const Sha256& digest) {
  Bytes octets = what_is_signed(kind);
  const Bytes info = der::sequence({der::sequence({der::oid(oid::sha256), der::null()}), der::octets(digest)});
  octets.insert(octets.end(), info.begin(), info.end());
  return octets;
}

Result<Sha256> indirect_digest(SignableFile::Kind kind, std::span<const std::byte> content) {
  auto digest = parse_indirect(kind, content);
  if (digest || digest.error().code == errc::weak_signature) return digest;
  return std::unexpected{as_signature_error(std::move(digest).error())};
}

}  // namespace flashline::imaging
