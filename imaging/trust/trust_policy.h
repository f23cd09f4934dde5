#pragma once
// Who may have signed what this station writes.

#include <cstdint>
#include <ctime>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "imaging/core/digest.h"
#include "imaging/core/error.h"

namespace flashline::imaging {

/// production: test anchors and test-release content are refused. test: both kinds are taken.
enum class TrustMode : std::uint8_t { production, test };

/// A certificate that signers must chain to. PEM text, one certificate or a bundle.
struct TrustAnchor {
  std::string pem;
  std::string name;   ///< where it came from, for messages
  bool test = false;  ///< vouches only for test-signed content
};

/// Which moment certificates must be valid at.
struct ClockPolicy {
  enum class Kind : std::uint8_t {
    now,       ///< the caller's `at`, taken from its clock
    fixed,     ///< a moment that the configuration names: `at`
    unchecked  ///< the station has no trusted clock: expiry is not checked
  };
  Kind kind = Kind::now;
  std::time_t at = 0;
};

struct TrustPolicy {
  TrustMode mode = TrustMode::test;
  std::vector<TrustAnchor> anchors;
  std::vector<Sha256> pins;  ///< when not empty: SHA-256 of the signer's certificate (DER) must be one of these
  bool allow_unsigned = false;
  ClockPolicy clock;
  std::optional<Sha256> file_digest;  ///< when set: SHA-256 that the whole image file must have
  /// Only to show an image, never to write it: what would refuse its signature is told in TrustVerdict::refusal.
  bool inspect_only = false;
};

/// What the check found. `is_signed` is false only where the policy allows unsigned images, or inspects.
struct TrustVerdict {
  bool is_signed = false;
  bool test_signed = false;   ///< the anchor is a test anchor
  std::string signer;         ///< subject, RFC 2253
  std::string anchor;         ///< TrustAnchor::name
  Sha256 signer_digest{};     ///< SHA-256 of the signer's certificate (DER)
  std::time_t not_after = 0;  ///< the earliest end of validity in the chain
  /// Only under TrustPolicy::inspect_only: why the image would be refused; the other fields are claims then.
  std::optional<Error> refusal;
};

}  // namespace flashline::imaging
