#pragma once
// 32-bit fields of headers that are changed in place. Not for other rooms.

#include <cstddef>
#include <cstdint>
#include <span>

namespace flashline::imaging::detail {

/// The four bytes lie inside `bytes`.
inline std::uint32_t get32(std::span<const std::byte> bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value |= std::to_integer<std::uint32_t>(bytes[at + i]) << (8 * i);
  return value;
}

inline void put32(std::span<std::byte> bytes, std::size_t at, std::uint32_t value) {
  for (std::size_t i = 0; i < 4; ++i) bytes[at + i] = static_cast<std::byte>(value >> (8 * i) & 0xFF);
}

}  // namespace flashline::imaging::detail
