#pragma once
// The output side that the three decoders share.

#include <cstddef>
#include <cstdint>
#include <span>

namespace flashline::imaging::ffu {

/// A buffer that is filled with literals and with copies of what it already holds.
class LzOutput {
 public:
  explicit LzOutput(std::span<std::byte> out) : out_{out} {}

  bool full() const { return at_ == out_.size(); }
  std::size_t size() const { return at_; }

  /// False: there is no room.
  bool literal(std::byte value) {
    if (full()) return false;
    out_[at_++] = value;
    return true;
  }
  /// `length` bytes from `distance` bytes back; they may overlap. False: that is before `first`, or there is no room.
  bool copy(std::uint64_t distance, std::uint64_t length, std::size_t first = 0) {
    if (distance == 0 || distance > at_ - first || length > out_.size() - at_) return false;
    for (const std::size_t end = at_ + static_cast<std::size_t>(length); at_ < end; ++at_) {
      out_[at_] = out_[at_ - static_cast<std::size_t>(distance)];
    }
    return true;
  }

 private:
  std::span<std::byte> out_;
  std::size_t at_ = 0;
};

}  // namespace flashline::imaging::ffu
