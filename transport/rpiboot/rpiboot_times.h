#pragma once

#include <chrono>
#include <cstddef>

namespace flashline::transport {

/// How long the stages of a Pi's boot are waited for, and in what pieces bytes go out. The defaults are what the
/// vendor's own tools do.
struct RpibootTimes {
  using Time = std::chrono::milliseconds;
  Time control{1000};             ///< a control request towards the board
  Time piece{5000};               ///< one piece of bytes towards the board
  Time before_return_code{1000};  ///< what the ROM wants to look at its second stage
  Time request{20'000};           ///< the board's next question
  Time between_requests{1000};    ///< after a question did not come: the board may be unpacking
  int request_tries = 3;
  std::size_t rom_piece = 16 * 1024;  ///< bytes; a ROM never saw other pieces
  std::size_t file_piece = 128 * 1024;
};

}  // namespace flashline::transport
