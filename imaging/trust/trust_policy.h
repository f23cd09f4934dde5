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
  /// Whose time stamps count: a certificate may end after a moment that one of these vouches for. They vouch for
  /// nothing else.
  std::vector<TrustAnchor> stamp_anchors;
  std::vector<Sha256> pins;  ///< when not empty: SHA-256 of the signer's certificate (DER) must be one of these
  bool allow_unsigned = false;
  ClockPolicy clock;
  std::optional<Sha256> file_digest;  ///< when set: SHA-256 that the whole image file must have
  /// Only to show an image, never to write it: what would refuse its signature is told in TrustVerdict::refusal.
  bool inspect_only = false;
};

/// An RFC 3161 time stamp that belongs to the signature it stands beside.
struct StampFacts {
  std::time_t when = 0;
  std::string authority;  ///< subject of its signer, RFC 2253; a claim unless `trusted`
  bool trusted = false;   ///< the authority chains to a stamp anchor
};

/// What the check found. `is_signed` is false only where the policy allows unsigned images, or inspects.
struct TrustVerdict {
  bool is_signed = false;
  bool test_signed = false;   ///< the anchor is a test anchor, or an issuer of the chain says "(TEST ONLY)"
  std::string signer;         ///< subject, RFC 2253
  std::string issuer;         ///< of the signer's certificate, RFC 2253
  std::string anchor;         ///< TrustAnchor::name
  Sha256 signer_digest{};     ///< SHA-256 of the signer's certificate (DER)
  std::time_t not_after = 0;  ///< the earliest end of validity in the chain
  std::optional<StampFacts> stamp;
  /// Only under TrustPolicy::inspect_only: why the image would be refused; the other fields are claims then.
  std::optional<Error> refusal;
};

/// Days that are left until `not_after`, when they are 60 at most (below 0: it is past): time to warn. Both in seconds
/// since 1970.
std::optional<int> expiry_warning(std::time_t not_after, std::time_t now);

}  // namespace flashline::imaging
