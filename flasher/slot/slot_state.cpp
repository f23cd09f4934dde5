#include "flasher/slot/slot_state.h"

#include <array>
#include <concepts>

namespace flashline::line {
namespace {

using namespace slot;
using namespace std::string_view_literals;
using Next = std::optional<SlotState>;

template <class... Fs>
struct Overloaded : Fs... {
  using Fs::operator()...;
};

template <class S>
concept Working = std::same_as<S, Preparing> || std::same_as<S, Writing> || std::same_as<S, Verifying>;
template <class S>
concept Waiting = std::same_as<S, Ready> || std::same_as<S, Paused>;
template <class S>
concept Finished = std::same_as<S, Passed> || std::same_as<S, Failed>;

// In the order of the alternatives.
constexpr std::array state_names{"empty"sv,     "ready"sv,  "paused"sv, "preparing"sv,  "writing"sv,
                                 "verifying"sv, "passed"sv, "failed"sv, "quarantined"sv};
constexpr std::array event_names{"board_in"sv,       "board_out"sv,      "pause_asked"sv,    "resume_asked"sv,
                                 "refused"sv,        "attempt_began"sv,  "write_began"sv,    "read_back_began"sv,
                                 "attempt_passed"sv, "attempt_failed"sv, "attempt_parked"sv, "retry_asked"sv,
                                 "next_asked"sv,     "fault_found"sv,    "release_asked"sv};

}  // namespace

std::optional<SlotState> next_state(const SlotState& state, const SlotEvent& event) {
  return std::visit(Overloaded{
      [](const Empty&, const BoardIn&) -> Next { return Ready{}; },
      []<class S>(const S&, const BoardOut&) -> Next
        requires(Waiting<S> || Finished<S>)
                { return Empty{}; },
                [](const Ready&, const PauseAsked&) -> Next { return Paused{}; },
                [](const Paused&, const ResumeAsked&) -> Next { return Ready{}; },
                [](const Ready&, const Refused& refused) -> Next { return Failed{{}, refused.error}; },
                [](const Ready&, const AttemptBegan& began) -> Next { return Preparing{began.work}; },
                [](const Preparing& at, const WriteBegan&) -> Next { return Writing{at.work}; },
                [](const Writing& at, const ReadBackBegan&) -> Next { return Verifying{at.work}; },
                [](const Writing& at, const AttemptPassed&) -> Next { return Passed{at.work}; },  // verify="false"
                [](const Verifying& at, const AttemptPassed&) -> Next { return Passed{at.work}; },
                []<Working S>(const S& at, const AttemptFailed& failed) -> Next {
                  return Failed{at.work, failed.error};
                },
                []<Working S>(const S&, const AttemptParked&) -> Next { return Ready{}; },
                [](const Failed&, const RetryAsked&) -> Next { return Ready{}; },
                []<Finished S>(const S&, const NextAsked&) -> Next { return Ready{}; },
                []<class S>(const S&, const FaultFound& found) -> Next
                  requires(!Working<S>)
      { return Quarantined{found.error}; },
      [](const Quarantined&, const ReleaseAsked&) -> Next { return Empty{}; },
      [](const auto&, const auto&) -> Next { return std::nullopt; },
      },
      state,
      event);
}

std::string_view name_of(const SlotState& state) { return state_names[state.index()]; }
std::string_view name_of(const SlotEvent& event) { return event_names[event.index()]; }

const Work* work_of(const SlotState& state) {
  return std::visit(
      []<class S>(const S& at) -> const Work* {
        if constexpr (requires { at.work; }) {
          return &at.work;
        } else {
          return nullptr;
        }
      },
      state);
}

bool is_working(const SlotState& state) {
  return std::visit([]<class S>(const S&) { return Working<S>; }, state);
}

}  // namespace flashline::line
