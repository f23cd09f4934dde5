#pragma once
// Who signs: a private key and its certificate, and the signed form of a catalog.

#include <cstddef>
#include <ctime>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "imaging/catalog/build_catalog.h"
#include "imaging/core/digest.h"
#include "imaging/core/error.h"

namespace flashline::imaging {

/// PEM files. `certificate` holds the signer's certificate first, then those above it that go into the catalog.
struct SignerFiles {
  std::filesystem::path key;
  std::filesystem::path certificate;
  std::optional<std::filesystem::path> passphrase = {};  ///< file whose first line opens an encrypted key
};

/// An RSA key of at least 2048 bits with its certificate chain. The key never leaves this object.
class Signer {
 public:
  /// Never asks on a terminal. Errors: key_file, key_encrypted, certificate_file, key_mismatch.
  static Result<Signer> load(const SignerFiles& files);
  ~Signer();
  Signer(Signer&&) noexcept;
  Signer& operator=(Signer&&) noexcept;

  /// Subject, RFC 2253.
  const std::string& name() const;
  /// SHA-256 of the certificate (DER): the value to pin.
  const Sha256& certificate_digest() const;

  /// `catalog` with this signer as its only one (a former signature is dropped): RSA and SHA-256 over contentType,
  /// signingTime, messageDigest and an empty SPC_SP_OPUS_INFO. Deterministic. The length depends on signer, catalog
  /// length and the century of `signing_time` only, so signing a catalog over any table tells how much room to keep.
  /// Errors: those of parse_catalog, signing.
  Result<std::vector<std::byte>> sign(std::span<const std::byte> catalog, std::time_t signing_time) const;

 private:
  struct Keys;
  explicit Signer(std::unique_ptr<Keys> keys);
  std::unique_ptr<Keys> keys_;
};

}  // namespace flashline::imaging
