#pragma once
// CRC-32 as GPT, Android sparse images and xz use it (polynomial 0x04C11DB7, reflected).

#include <cstddef>
#include <cstdint>
#include <span>

namespace flashline {

/// CRC-32 of `bytes`, going on from `before`, the CRC-32 of what precedes them.
std::uint32_t crc32(std::span<const std::byte> bytes, std::uint32_t before = 0);

/// crc32 going on over `count` zero bytes, in logarithmic time.
std::uint32_t crc32_of_zeros(std::uint64_t count, std::uint32_t before);

}  // namespace flashline
