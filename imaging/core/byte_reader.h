#pragma once
// Foreign bytes go through this cursor: every read is checked against what is left.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "imaging/core/error.h"
#include "imaging/core/errors/image.h"
#include "imaging/core/units.h"

namespace flashline {

/// Little-endian cursor over bytes that somebody else wrote. Errors: truncated, with the name of the field and its
/// offset.
class ByteReader {
 public:
  /// `base` is where `bytes` lie in their file; it only makes the messages exact.
  explicit ByteReader(std::span<const std::byte> bytes, ByteOffset base = {}) : bytes_{bytes}, base_{base.value} {}

  Result<std::uint8_t> u8(const char* field) { return number<std::uint8_t>(field); }
  Result<std::uint16_t> u16(const char* field) { return number<std::uint16_t>(field); }
  Result<std::uint32_t> u32(const char* field) { return number<std::uint32_t>(field); }
  Result<std::uint64_t> u64(const char* field) { return number<std::uint64_t>(field); }

  /// The next `count` bytes, which stay owned by the underlying buffer.
  Result<std::span<const std::byte>> take(std::uint64_t count, const char* field) {
    if (count > left()) return short_of(count, field);
    const auto taken = bytes_.subspan(at_, static_cast<std::size_t>(count));
    at_ += taken.size();
    return taken;
  }

  /// Bytes not read yet.
  std::size_t left() const { return bytes_.size() - at_; }
  /// Offset of the next byte in the file.
  ByteOffset position() const { return ByteOffset{base_ + at_}; }

 private:
  template <class T>
  Result<T> number(const char* field) {
    if (sizeof(T) > left()) return short_of(sizeof(T), field);
    T value = 0;
    for (std::size_t i = 0; i < sizeof(T); ++i) {
      value = static_cast<T>(value | static_cast<T>(static_cast<T>(bytes_[at_ + i]) << (8 * i)));
    }
    at_ += sizeof(T);
    return value;
  }

  std::unexpected<Error> short_of(std::uint64_t count, const char* field) const {
    return fail(errc::truncated, std::string{field} + " at offset " + std::to_string(base_ + at_) + " needs " +
                                     std::to_string(count) + " bytes, " + std::to_string(left()) + " are left");
  }

  std::span<const std::byte> bytes_;
  std::size_t at_ = 0;
  std::uint64_t base_ = 0;
};

}  // namespace flashline
