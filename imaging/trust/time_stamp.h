#pragma once
// Time stamps by RFC 3161: somebody else's word that a signature was there at a moment.

#include <cstddef>
#include <functional>
#include <span>
#include <vector>

#include "imaging/core/digest.h"
#include "imaging/core/error.h"
#include "imaging/trust/trust_policy.h"

namespace flashline::imaging {

/// Takes a request (TimeStampReq, DER) to a time stamp authority and brings its answer (TimeStampResp, DER). How it
/// travels is the caller's business; what it says is checked here. Empty: nobody is asked.
using TimeStamper = std::function<Result<std::vector<std::byte>>(std::span<const std::byte> request)>;

/// The request for a time stamp on something with this digest. It asks for the authority's certificates and carries no
/// nonce: the digest of a signature is asked for once.
std::vector<std::byte> stamp_request(const Sha256& digest);

/// Asks `stamper` for a time stamp on `signature` (octets). Gives the token, a PKCS#7 message in DER.
/// Errors: time_stamp_refused (the authority says no, or answers something else), and the stamper's own.
Result<std::vector<std::byte>> fetch_stamp(const TimeStamper& stamper, std::span<const std::byte> signature);

/// Reads `token`, which stands beside `signature`. Errors: bad_time_stamp (broken, or over another signature),
/// anchor_file.
Result<StampFacts> verify_stamp(std::span<const std::byte> token, std::span<const std::byte> signature,
                                const TrustPolicy& policy);

}  // namespace flashline::imaging
