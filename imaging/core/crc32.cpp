#include "imaging/core/crc32.h"

#include <zlib.h>

namespace flashline {

std::uint32_t crc32(std::span<const std::byte> bytes, std::uint32_t before) {
  if (bytes.empty()) return before;  // zlib takes a null pointer for "begin anew"
  return static_cast<std::uint32_t>(
      ::crc32_z(before, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()));
}

std::uint32_t crc32_of_zeros(std::uint64_t count, std::uint32_t before) {
  // Doubles a block of zeros: the CRC of 2n zeros is the CRC of n zeros combined with itself.
  constexpr std::byte zero{};
  auto block = crc32({&zero, 1});
  std::uint32_t sum = before;
  for (std::uint64_t length = 1; count != 0; length *= 2, count /= 2) {
    if (count % 2 != 0) {
      sum = static_cast<std::uint32_t>(::crc32_combine(sum, block, static_cast<z_off_t>(length)));
    }
    if (count > 1) block = static_cast<std::uint32_t>(::crc32_combine(block, block, static_cast<z_off_t>(length)));
  }
  return sum;
}

}  // namespace flashline
