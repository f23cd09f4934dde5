#pragma once
// How fast bytes go: of a card, or of a bus that many boards share.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <mutex>

namespace flashline::lab {

/// A token bucket without a bucket: each piece is due when the one before it is done. 0 bytes a second: at once.
class Pace {
 public:
  using Clock = std::chrono::steady_clock;

  Pace(std::uint64_t out_per_second, std::uint64_t in_per_second) : out_{out_per_second}, in_{in_per_second} {}

  Clock::time_point due(std::uint64_t bytes, bool inwards) {
    const std::uint64_t rate = inwards ? in_ : out_;
    const std::lock_guard lock{mutex_};
    const auto now = Clock::now();
    if (rate == 0) return now;
    free_ = std::max(free_, now) + std::chrono::nanoseconds{bytes * 1'000'000'000U / rate};
    return free_;
  }

 private:
  std::uint64_t out_;
  std::uint64_t in_;
  std::mutex mutex_;
  Clock::time_point free_{};
};

}  // namespace flashline::lab
