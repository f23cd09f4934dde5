// The table below is the state diagram: every event in every state.

#include "flasher/slot/slot_state.h"

#include <gtest/gtest.h>
#include <map>

#include "imaging/core/errors/device.h"

namespace flashline::line {
namespace {

using namespace slot;

const Work work{"FL-000001", 2};
const Error error{errc::device_gone, "at 4096"};

const std::map<std::string, SlotState> states{{"empty", Empty{}},
                                              {"ready", Ready{}},
                                              {"paused", Paused{}},
                                              {"preparing", Preparing{work}},
                                              {"writing", Writing{work}},
                                              {"verifying", Verifying{work}},
                                              {"passed", Passed{work}},
                                              {"failed", Failed{work, error}},
                                              {"quarantined", Quarantined{error}}};

struct Row {
  SlotEvent event;
  std::map<std::string, std::string> leads;  ///< from -> to; what is not named is rejected
};

const std::vector<Row> diagram{
    {BoardIn{}, {{"empty", "ready"}}},
    {BoardOut{}, {{"ready", "empty"}, {"paused", "empty"}, {"passed", "empty"}, {"failed", "empty"}}},
    {PauseAsked{}, {{"ready", "paused"}}},
    {ResumeAsked{}, {{"paused", "ready"}}},
    {Refused{error}, {{"ready", "failed"}}},
    {AttemptBegan{work}, {{"ready", "preparing"}}},
    {WriteBegan{}, {{"preparing", "writing"}}},
    {ReadBackBegan{}, {{"writing", "verifying"}}},
    {AttemptPassed{}, {{"writing", "passed"}, {"verifying", "passed"}}},
    {AttemptFailed{error}, {{"preparing", "failed"}, {"writing", "failed"}, {"verifying", "failed"}}},
    {AttemptParked{}, {{"preparing", "ready"}, {"writing", "ready"}, {"verifying", "ready"}}},
    {RetryAsked{}, {{"failed", "ready"}}},
    {NextAsked{}, {{"passed", "ready"}, {"failed", "ready"}}},
    {FaultFound{error},
     {{"empty", "quarantined"},
      {"ready", "quarantined"},
      {"paused", "quarantined"},
      {"passed", "quarantined"},
      {"failed", "quarantined"},
      {"quarantined", "quarantined"}}},
    {ReleaseAsked{}, {{"quarantined", "empty"}}},
};

TEST(SlotStates, every_event_in_every_state_leads_where_the_diagram_says) {
  ASSERT_EQ(diagram.size(), std::variant_size_v<SlotEvent>);
  ASSERT_EQ(states.size(), std::variant_size_v<SlotState>);
  for (std::size_t i = 0; i < diagram.size(); ++i) {
    const auto& [event, leads] = diagram[i];
    EXPECT_EQ(event.index(), i) << "each event once";
    for (const auto& [name, state] : states) {
      const auto next = next_state(state, event);
      const auto due = leads.find(name);
      EXPECT_EQ(next ? name_of(*next) : "rejected", due == leads.end() ? "rejected" : due->second)
          << name << " + " << name_of(event);
    }
  }
}

TEST(SlotStates, names_are_those_of_the_contract) {
  for (const auto& [name, state] : states) EXPECT_EQ(name_of(state), name);
}

TEST(SlotStates, work_and_error_go_along) {
  SlotState state = Ready{};
  for (const SlotEvent& event : {SlotEvent{AttemptBegan{work}}, SlotEvent{WriteBegan{}}, SlotEvent{ReadBackBegan{}}}) {
    state = *next_state(state, event);
    ASSERT_NE(work_of(state), nullptr);
    EXPECT_EQ(*work_of(state), work);
    EXPECT_TRUE(is_working(state));
  }
  state = *next_state(state, AttemptFailed{error});
  EXPECT_EQ(*work_of(state), work);
  EXPECT_EQ(std::get<Failed>(state).error.detail, "at 4096");
  EXPECT_FALSE(is_working(state));
  EXPECT_EQ(work_of(*next_state(state, RetryAsked{})), nullptr);
  EXPECT_EQ(work_of(*next_state(Ready{}, Refused{error}))->serial, "");
}

}  // namespace
}  // namespace flashline::line
