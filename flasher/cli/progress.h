#pragma once
// How far a long command is: a bar on a terminal, JSON Lines under --json, nothing otherwise.

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "flasher/cli/console.h"
#include "imaging/core/units.h"

namespace flashline::line {

class Progress {
 public:
  using Clock = std::chrono::steady_clock;

  /// `what` in one word: "verify". `console` outlives it.
  Progress(Console& console, std::string_view what)
      : console_{console}, what_{what}, started_{Clock::now()}, shown_{started_} {}
  ~Progress() { console_.draw({}); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// May be called as often as one likes: drawn ten times, recorded twice a second.
  /// A record is {"type":"progress","what","done_bytes","total_bytes","rate_bytes_per_s","seconds_left"}; total and
  /// seconds are null while `total` is 0, which means nobody knows it.
  void update(ByteCount done, ByteCount total);

 private:
  Console& console_;
  std::string what_;
  Clock::time_point started_;
  Clock::time_point shown_;
};

/// One line: "verify  42%  1.2 GiB of 2.9 GiB  180 MB/s  0:09 left", with a bar as wide as `columns` leave room for.
std::string progress_line(std::string_view what, ByteCount done, ByteCount total, double seconds, unsigned columns);

/// "1.2 GiB", for people.
std::string size_text(ByteCount size);

}  // namespace flashline::line
