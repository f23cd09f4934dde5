#pragma once
// What `flashline flash` says of its boards while they are written and when they are done.

#include <chrono>
#include <string>
#include <vector>

#include "flasher/cli/console.h"
#include "flasher/engine/run.h"

namespace flashline::line {

/// A board as people call it.
struct FlashName {
  std::string target;
  std::string serial;  ///< may be empty
};

/// How far each board is: a line a board on a terminal, records {"type":"progress","target","serial","step",
/// "done_bytes","total_bytes"} under --json.
class FlashProgress {
 public:
  using Clock = std::chrono::steady_clock;
  struct Board {
    FlashName name;
    const RunProgress* progress;
  };

  /// `console` and what the boards point to outlive it.
  FlashProgress(Console& console, std::vector<Board> boards);
  ~FlashProgress() { console_.draw({}); }
  FlashProgress(const FlashProgress&) = delete;
  FlashProgress& operator=(const FlashProgress&) = delete;

  /// As often as one likes; shown five times, recorded twice a second.
  void update();

 private:
  void draw(Clock::time_point now);
  void record();

  Console& console_;
  std::vector<Board> boards_;
  Clock::time_point started_;
  Clock::time_point drawn_{};
  Clock::time_point recorded_{};
};

/// The one line of a finished board, and its record {"type":"result",...}.
void report_board(Console& console, const FlashName& name, const RunReport& report);

}  // namespace flashline::line
