#pragma once
// Numbers inside of records that are edited in place; what is only read goes through ByteReader.

#include <cstddef>
#include <cstdint>
#include <span>

namespace flashline {

/// `bytes` holds at least as many bytes as are loaded or stored.
inline std::uint32_t load16(std::span<const std::byte> bytes) {
  return std::to_integer<std::uint32_t>(bytes[0]) | std::to_integer<std::uint32_t>(bytes[1]) << 8U;
}
inline std::uint32_t load32(std::span<const std::byte> bytes) {
  return load16(bytes) | load16(bytes.subspan(2)) << 16U;
}

inline void store16(std::span<std::byte> bytes, std::uint32_t value) {
  bytes[0] = static_cast<std::byte>(value & 0xFFU);
  bytes[1] = static_cast<std::byte>(value >> 8U & 0xFFU);
}
inline void store32(std::span<std::byte> bytes, std::uint32_t value) {
  store16(bytes, value & 0xFFFFU);
  store16(bytes.subspan(2), value >> 16U);
}

}  // namespace flashline
