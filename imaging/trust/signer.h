#pragma once
// Who signs: a private key and its certificate, and the signed form of what is given to them.

#include <cstddef>
#include <ctime>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "imaging/core/digest.h"
#include "imaging/core/error.h"
#include "imaging/trust/secret.h"
#include "imaging/trust/time_stamp.h"

namespace flashline::imaging {

/// Where key and certificates are. `certificate` is a PEM file: the signer's certificate first, then those above it
/// that go into signatures.
struct SignerFiles {
  std::filesystem::path key;  ///< PEM file, or "pkcs11:..." (RFC 7512): a key that stays in its token
  std::filesystem::path certificate;
  /// File whose first line opens an encrypted key, or is the token's PIN.
  std::optional<std::filesystem::path> passphrase = {};
  Secret pin = {};                          ///< the same, where no file is given
  std::filesystem::path token_driver = {};  ///< PKCS#11 module; empty: the system's default
};

/// An RSA key of at least 2048 bits with its certificate chain. The key never leaves this object.
class Signer {
 public:
  /// Never asks on a terminal. Errors: key_file, key_encrypted, certificate_file, key_mismatch, token_key, token_pin.
  static Result<Signer> load(const SignerFiles& files);
  ~Signer();
  Signer(Signer&&) noexcept;
  Signer& operator=(Signer&&) noexcept;

  /// Subject, RFC 2253.
  const std::string& name() const;
  /// SHA-256 of the certificate (DER): the value to pin.
  const Sha256& certificate_digest() const;

  /// The earliest end of validity among its certificates, in seconds since 1970, UTC.
  std::time_t not_after() const;

  /// `catalog` (of an image or a package) with this signer as its only one; a former signature is dropped.
  /// Errors: those of parse_signed_message and sign_content.
  Result<std::vector<std::byte>> sign(std::span<const std::byte> catalog, std::time_t signing_time,
                                      const TimeStamper& stamper = {}) const;

  /// PKCS#7 SignedData over a SEQUENCE with these `content` octets: RSA and SHA-256 over contentType, signingTime,
  /// messageDigest and an empty SPC_SP_OPUS_INFO. Without a time stamp it is deterministic, and its length depends on
  /// signer, content length and the century of `signing_time` only, so signing a catalog over any table tells how much
  /// room to keep. Errors: signing, and those of fetch_stamp.
  Result<std::vector<std::byte>> sign_content(std::string_view content_type, std::span<const std::byte> content,
                                              std::time_t signing_time, const TimeStamper& stamper = {}) const;

 private:
  struct Keys;
  explicit Signer(std::unique_ptr<Keys> keys);
  std::unique_ptr<Keys> keys_;
};

}  // namespace flashline::imaging
