#pragma once
// PKCS#7 SignedData as catalogs and Authenticode use it: a content of one SEQUENCE and who signed it. Structure only;
// whether a signature is right and trusted is for imaging/trust.

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "imaging/core/error.h"

namespace flashline::imaging {

/// Messages beyond this size are refused before they are read (ffu-format.md section 9).
constexpr std::size_t max_catalog_size = 16U * 1024 * 1024;

/// One SignerInfo. Object identifiers as dotted text.
struct MessageSigner {
  std::span<const std::byte> issuer_and_serial;  ///< DER: which certificate
  std::string digest_algorithm;
  std::string signature_algorithm;
  std::string content_type;                   ///< signed attribute; empty: missing
  std::span<const std::byte> message_digest;  ///< signed attribute; empty: missing
  std::span<const std::byte> signature;
  std::span<const std::byte> time_stamp;  ///< RFC 3161 token, DER, an unsigned attribute; empty: none
};

/// The spans point into the bytes it was parsed from.
struct SignedMessage {
  std::string content_type;
  std::span<const std::byte> content;                    ///< content octets of the SEQUENCE: what messageDigest covers
  std::size_t content_at = 0;                            ///< where they lie in the message
  std::vector<std::string> digest_algorithms;            ///< of SignedData
  std::vector<std::span<const std::byte>> certificates;  ///< DER, in the message's order
  std::vector<MessageSigner> signers;                    ///< empty: unsigned
};

/// Parses all of `der`, whose content has this type. Source: ffu-format.md section 6, checks 6 and 10 to 12.
/// Errors: catalog_size, catalog_der, catalog_structure.
Result<SignedMessage> parse_signed_message(std::span<const std::byte> der, std::string_view content_type);

/// A message that nobody has signed yet. `content` is the whole SEQUENCE.
std::vector<std::byte> unsigned_message(std::string_view content_type, const std::vector<std::byte>& content);

}  // namespace flashline::imaging
