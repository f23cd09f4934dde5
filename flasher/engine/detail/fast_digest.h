#pragma once
// What a read-back is compared with: XXH3-128, as fast as memory. It finds damage, it vouches for nothing.

#include <cstddef>
#include <cstdint>
#include <span>

namespace flashline::line::detail {

struct FastDigest {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  bool operator==(const FastDigest&) const = default;
};

FastDigest fast_digest(std::span<const std::byte> bytes);
bool all_zero(std::span<const std::byte> bytes);

}  // namespace flashline::line::detail
