#include "flasher/engine/detail/fast_digest.h"

#include <cstring>
#include <xxhash.h>

namespace flashline::line::detail {

FastDigest fast_digest(std::span<const std::byte> bytes) {
  const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
  return {hash.low64, hash.high64};
}

bool all_zero(std::span<const std::byte> bytes) {
  // A range whose first byte is zero and that equals itself one byte on is zero throughout; memcmp is vectorised.
  return bytes.empty() ||
         (bytes.front() == std::byte{} && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0);
}

}  // namespace flashline::line::detail
