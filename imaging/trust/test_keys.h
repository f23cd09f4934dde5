#pragma once
// Keys to try things out with: a small certificate authority whose every issuer says that it is for tests.

#include <ctime>
#include <string>

#include "imaging/core/error.h"
#include "imaging/trust/secret.h"

namespace flashline::imaging {

/// PEM texts.
struct PemIdentity {
  Secret key;
  std::string certificate;  ///< the own one first, then those above it that go into signatures
};

/// What the signer signs is refused wherever test content is: all issuers say "(TEST ONLY)".
struct TestKeys {
  PemIdentity root;  ///< its certificate is the anchor to trust
  PemIdentity intermediate;
  PemIdentity signer;
};

/// New ones on each call, RSA of 2048 bits, valid for ten years from the day before `now` on. Errors: signing.
Result<TestKeys> make_test_keys(std::time_t now);

}  // namespace flashline::imaging
