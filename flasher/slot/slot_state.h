#pragma once
// What a slot is at. One pure function says which event leads where; its test is the state diagram.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "imaging/core/error.h"

namespace flashline::line {

/// The attempt a slot works on or worked on last. An empty serial: no unit was taken (the board was refused before).
struct Work {
  std::string serial;
  std::int64_t attempt = 0;
  bool operator==(const Work&) const = default;
};

namespace slot {

struct Empty {};   ///< no board
struct Ready {};   ///< a board waits for work
struct Paused {};  ///< the same, while the batch is paused
struct Preparing {
  Work work;
};
struct Writing {
  Work work;
};
struct Verifying {
  Work work;
};
struct Passed {
  Work work;
};
struct Failed {
  Work work;
  Error error;
};
/// Failed so many different boards that it is the slot itself: takes none until a person looked at it.
struct Quarantined {
  Error error;  ///< the evidence
};

}  // namespace slot

using SlotState = std::variant<slot::Empty, slot::Ready, slot::Paused, slot::Preparing, slot::Writing, slot::Verifying,
                               slot::Passed, slot::Failed, slot::Quarantined>;

namespace slot {

struct BoardIn {};
struct BoardOut {};  ///< while an attempt runs the engine notices by itself and the attempt fails
struct PauseAsked {};
struct ResumeAsked {};
struct Refused {  ///< the board cannot be taken; no unit was touched
  Error error;
};
struct AttemptBegan {
  Work work;
};
struct WriteBegan {};
struct ReadBackBegan {};
struct AttemptPassed {};
struct AttemptFailed {
  Error error;
};
struct AttemptParked {};  ///< the station stops; the same board goes on later
struct RetryAsked {};     ///< the same board again
struct NextAsked {};      ///< another board is in
struct FaultFound {       ///< the slot itself is at fault
  Error error;
};
struct ReleaseAsked {};  ///< somebody looked at the slot

}  // namespace slot

using SlotEvent =
    std::variant<slot::BoardIn, slot::BoardOut, slot::PauseAsked, slot::ResumeAsked, slot::Refused, slot::AttemptBegan,
                 slot::WriteBegan, slot::ReadBackBegan, slot::AttemptPassed, slot::AttemptFailed, slot::AttemptParked,
                 slot::RetryAsked, slot::NextAsked, slot::FaultFound, slot::ReleaseAsked>;

/// nullopt: the event is not legal in this state.
std::optional<SlotState> next_state(const SlotState& state, const SlotEvent& event);

/// "empty", "ready", "paused", "preparing", "writing", "verifying", "passed", "failed" or "quarantined".
std::string_view name_of(const SlotState& state);
std::string_view name_of(const SlotEvent& event);

/// The work of a state that has one.
const Work* work_of(const SlotState& state);
/// An attempt runs: preparing, writing or verifying.
bool is_working(const SlotState& state);

}  // namespace flashline::line
