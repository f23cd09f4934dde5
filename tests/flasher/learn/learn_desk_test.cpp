// The wizard as the page has it: asked from time to time, by whoever is there.
#include "flasher/learn/learn_desk.h"

#include <gmock/gmock.h>

#include "imaging/core/errors/config.h"
#include "imaging/core/errors/station.h"
#include "tests/fakes/command.h"
#include "tests/fakes/fake_usb_tree.h"

namespace flashline::line {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;

const std::string station = R"(<station name="line 1" mode="test">
  <trust allow-unsigned="true"/>
  <slots/>
</station>
)";

class LearnDeskTest : public ::testing::Test {
 protected:
  /// Two looks: what is seen once may still be on its way.
  LearnView looked() {
    desk_.look();
    return desk_.look();
  }
  std::string written() const { return fakes::slurp(file_); }

  fakes::FakeUsbPc pc_;
  fakes::TempFolder folder_;
  std::filesystem::path file_{folder_.file("station.xml", station)};
  LearnDesk desk_{file_, pc_.machine(), 0ms};
};

TEST_F(LearnDeskTest, AMapIsWrittenOnceAllSlotsWereAskedFor) {
  ASSERT_TRUE(desk_.start({.slots = 2, .board = "Card"}));
  EXPECT_TRUE(desk_.busy());
  pc_.plug("1-2");
  EXPECT_EQ(desk_.look().slots[0].port, "") << "seen once";
  const LearnView second = desk_.look();
  EXPECT_EQ(second.slots[0].port, "pci-0000:00:14.0/2");
  EXPECT_TRUE(second.slots[1].asked);
  EXPECT_THAT(second.said, HasSubstr("Slot 1 is pci-0000:00:14.0/2"));
  EXPECT_EQ(desk_.write().error().code, errc::learn_closed);
  pc_.plug("1-3");
  EXPECT_EQ(looked().state, LearnState::ready);
  EXPECT_EQ(written(), station);
  ASSERT_TRUE(desk_.write());
  EXPECT_EQ(desk_.look().state, LearnState::written);
  EXPECT_FALSE(desk_.busy());
  EXPECT_THAT(written(), HasSubstr("<port path=\"pci-0000:00:14.0/3\" board=\"Card\"/>"));
  EXPECT_EQ(desk_.write().error().code, errc::learn_closed) << "only once";
  EXPECT_THAT(desk_.sheet()->value(), HasSubstr("pci-0000:00:14.0/3"));
}

TEST_F(LearnDeskTest, SkippingAllLearnsNothing) {
  ASSERT_TRUE(desk_.start({.slots = 1, .board = "Card"}));
  EXPECT_EQ(desk_.skip()->state, LearnState::ready);
  EXPECT_EQ(desk_.write().error().code, errc::config_nothing_learned);
  EXPECT_EQ(desk_.back()->state, LearnState::asking);
  EXPECT_EQ(written(), station);
}

TEST_F(LearnDeskTest, WhatIsCalledOffIsForgotten) {
  EXPECT_EQ(desk_.back().error().code, errc::learn_closed);
  EXPECT_EQ(desk_.sheet()->has_value(), false);
  ASSERT_TRUE(desk_.start({.slots = 1, .board = "Card"}));
  pc_.plug("1-2");
  EXPECT_EQ(looked().state, LearnState::ready);
  EXPECT_EQ(desk_.cancel().state, LearnState::idle);
  EXPECT_EQ(desk_.write().error().code, errc::learn_closed);
  EXPECT_EQ(written(), station);
}

TEST_F(LearnDeskTest, AFileThatWasEditedMeanwhileIsNotOverwritten) {
  ASSERT_TRUE(desk_.start({.slots = 1, .board = "Card"}));
  pc_.plug("1-2");
  EXPECT_EQ(looked().state, LearnState::ready);
  folder_.file("station.xml", station + "<!-- somebody else -->\n");
  EXPECT_EQ(desk_.write().error().code, errc::config_changed);
  EXPECT_THAT(written(), Not(HasSubstr("<port")));
  EXPECT_EQ(desk_.look().state, LearnState::ready) << "what was learned is not lost";
}

TEST_F(LearnDeskTest, HoweverManyAskThePortsAreLookedAtInTheirPace) {
  LearnDesk desk{file_, pc_.machine(), 1h};
  ASSERT_TRUE(desk.start({.slots = 1, .board = "Card"}));
  pc_.plug("1-2");
  for (int i = 0; i < 5; ++i) EXPECT_EQ(desk.look().state, LearnState::asking);
}

}  // namespace
}  // namespace flashline::line
