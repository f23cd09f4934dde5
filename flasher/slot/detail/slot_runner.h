#pragma once
// One slot: takes the next unit, has its board written, records how it went. Event thread only.

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "flasher/slot/detail/attempt_log.h"
#include "flasher/slot/detail/line_core.h"
#include "flasher/slot/detail/quarantine.h"
#include "flasher/slot/slot_state.h"

namespace flashline::line::detail {

class SlotRunner {
 public:
  /// `core` outlives it.
  SlotRunner(LineCore& core, const config::Slot& slot);

  /// Runs until the line stops.
  asio::awaitable<void> run();

  SlotView view() const;
  const config::Slot& slot() const { return slot_; }
  bool working() const { return is_working(state_) || beginning_; }
  /// Serial of the reserved unit that waits for its next attempt here; empty: none.
  const std::string& kept() const { return kept_; }
  void keep(const UnitRow& unit);
  void drop_kept() { kept_.clear(); }

  /// The batch was paused, resumed, closed or has units again.
  void batch_changed();
  /// Something happened on the slot's port; `left`: what was in it is gone, whatever is there now.
  void port_changed(bool left);
  /// The station stops: the attempt ends between two operations.
  void park();
  /// Somebody looked at a quarantined slot.
  void release();
  /// Whether an operator's wish is legal now.
  bool can(const SlotEvent& event) const { return !beginning_ && next_state(state_, event).has_value(); }
  /// Does it; false: it is not legal.
  bool ask(const SlotEvent& event);

 private:
  struct Attempt;

  bool can_begin() const;
  WriteOptions write_options(const BatchWork& work) const;
  asio::awaitable<void> look();
  asio::awaitable<void> nap();
  asio::awaitable<void> begin();
  asio::awaitable<void> write(std::unique_ptr<Attempt> attempt);
  asio::awaitable<RunReport> run_attempt(Attempt& attempt);
  asio::awaitable<std::shared_ptr<Resume>> resume_of(const Attempt& attempt);
  asio::awaitable<void> follow();
  asio::awaitable<void> passed(Attempt& attempt);
  asio::awaitable<void> not_passed(Attempt& attempt, const Error& error);
  std::filesystem::path evidence_file() const;
  asio::awaitable<void> judge_slot(const Attempt& attempt, const Error& error);
  void walk_to(RunStep step);
  void refuse(Error error);
  void end_beginning();
  bool apply(const SlotEvent& event);
  void changed();
  void measure();

  LineCore& core_;
  const config::Slot& slot_;
  SlotState state_ = slot::Empty{};
  std::string since_;
  std::string kept_;
  std::optional<UnitRow> unit_;  ///< worked on now or last
  std::string medium_;
  std::vector<FailedBoard> failed_boards_;  ///< one after the other
  bool beginning_ = false;                  ///< a board is being opened or a unit taken
  bool nothing_left_ = false;               ///< the batch had no unit when last asked
  bool woken_ = false;
  bool exchanged_ = false;  ///< since the station began, another board was put in, or so somebody said
  bool gone_ = false;       ///< the board that is worked on left its port meanwhile
  asio::steady_timer wake_;
  std::shared_ptr<RunControl> control_;  ///< of the attempt that runs
  std::chrono::steady_clock::time_point measured_at_;
  std::uint64_t measured_bytes_ = 0;
  double rate_ = 0;  ///< bytes a second, smoothed
};

}  // namespace flashline::line::detail
