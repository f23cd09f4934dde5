#pragma once
// Quantities as types: a block number does not compile where a byte offset is due.

#include <compare>
#include <cstdint>
#include <limits>
#include <optional>

namespace flashline {

/// Number of a block on a target or in a payload; the block size is the image's.
struct BlockIndex {
  std::uint64_t value = 0;
  auto operator<=>(const BlockIndex&) const = default;
};

/// Position in bytes.
struct ByteOffset {
  std::uint64_t value = 0;
  auto operator<=>(const ByteOffset&) const = default;
};

/// Length in bytes.
struct ByteCount {
  std::uint64_t value = 0;
  auto operator<=>(const ByteCount&) const = default;
};

/// Byte offset of `block`, or nullopt when it does not fit 64 bits. `block_size` in bytes.
constexpr std::optional<ByteOffset> offset_of(BlockIndex block, std::uint32_t block_size) {
  if (block_size != 0 && block.value > std::numeric_limits<std::uint64_t>::max() / block_size) return std::nullopt;
  return ByteOffset{block.value * block_size};
}

/// The end of `[at, at + length)`, or nullopt when it does not fit 64 bits.
constexpr std::optional<ByteOffset> end_of(ByteOffset at, ByteCount length) {
  if (length.value > std::numeric_limits<std::uint64_t>::max() - at.value) return std::nullopt;
  return ByteOffset{at.value + length.value};
}

/// `value` rounded up to a multiple of `unit` (> 0); a multiple stays as it is. nullopt when it does not fit 64 bits.
constexpr std::optional<std::uint64_t> align_up(std::uint64_t value, std::uint64_t unit) {
  const std::uint64_t rest = value % unit;
  if (rest == 0) return value;
  if (value > std::numeric_limits<std::uint64_t>::max() - (unit - rest)) return std::nullopt;
  return value + (unit - rest);
}

constexpr std::uint64_t operator""_KiB(unsigned long long n) { return n * 1024; }
constexpr std::uint64_t operator""_MiB(unsigned long long n) { return n * 1024 * 1024; }
constexpr std::uint64_t operator""_GiB(unsigned long long n) { return n * 1024 * 1024 * 1024; }

}  // namespace flashline
