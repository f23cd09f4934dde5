#include "flasher/learn/learn_wizard.h"

#include <gmock/gmock.h>

#include "tests/fakes/fake_usb_tree.h"

namespace flashline::line {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using transport::parse_port_path;
using transport::UsbPort;

UsbPort plugged(std::string_view port) {
  UsbPort found;
  found.port = *parse_port_path(port);
  found.product_name = "Reader";
  return found;
}

LearnWizard wizard_of(std::size_t slots) {
  std::vector<SlotToLearn> all;
  for (std::size_t i = 1; i <= slots; ++i) all.push_back({std::to_string(i), 1, static_cast<std::uint32_t>(i), "Card"});
  return LearnWizard{all, {{*parse_port_path("pci-0/9"), "old"}, {*parse_port_path("pci-0/8#1"), "card"}}};
}

std::vector<std::string> map_of(const LearnWizard& wizard) {
  std::vector<std::string> all;
  for (const LearnedSlot& learned : wizard.learned()) all.push_back(learned.slot.name + "=" + to_text(learned.port));
  return all;
}

TEST(LearnWizard, asks_for_one_slot_after_the_other) {
  auto wizard = wizard_of(2);
  EXPECT_THAT(wizard.prompt(), HasSubstr("into slot 1 (row 1, column 1)"));
  EXPECT_THAT(wizard.arrived(plugged("pci-0/1")), HasSubstr("Slot 1 is pci-0/1 (Reader)"));
  EXPECT_THAT(wizard.prompt(), HasSubstr("into slot 2 "));
  EXPECT_FALSE(wizard.done());
  wizard.arrived(plugged("pci-0/2"));
  EXPECT_TRUE(wizard.done());
  EXPECT_THAT(map_of(wizard), ElementsAre("1=pci-0/1", "2=pci-0/2"));
}

TEST(LearnWizard, a_port_is_one_slot_only) {
  auto wizard = wizard_of(2);
  wizard.arrived(plugged("pci-0/1"));
  EXPECT_THAT(wizard.arrived(plugged("pci-0/1")), HasSubstr("is slot 1 already"));
  EXPECT_THAT(wizard.arrived(plugged("pci-0/1#2")), HasSubstr("is slot 1 already")) << "a card slot of that socket";
  EXPECT_THAT(wizard.arrived(plugged("pci-0/9")), HasSubstr("is slot old already")) << "bound in the file";
  EXPECT_THAT(wizard.arrived(plugged("pci-0/8")), HasSubstr("is slot card already"))
      << "the reader of a bound card slot";
  EXPECT_THAT(wizard.prompt(), HasSubstr("into slot 2 "));
  wizard.arrived(plugged("pci-0/8#0"));
  EXPECT_THAT(map_of(wizard), ElementsAre("1=pci-0/1", "2=pci-0/8#0"));
}

TEST(LearnWizard, a_slot_is_left_out_and_one_is_asked_for_again) {
  auto wizard = wizard_of(3);
  wizard.back();
  wizard.arrived(plugged("pci-0/1"));
  wizard.back();
  EXPECT_THAT(wizard.prompt(), HasSubstr("into slot 1 "));
  EXPECT_THAT(map_of(wizard), IsEmpty());
  wizard.arrived(plugged("pci-0/2"));
  wizard.skip();
  wizard.arrived(plugged("pci-0/1"));
  wizard.skip();
  EXPECT_TRUE(wizard.done());
  EXPECT_THAT(map_of(wizard), ElementsAre("1=pci-0/2", "3=pci-0/1"));
  EXPECT_EQ(wizard.arrived(plugged("pci-0/3")), "");
}

class ArrivalsTest : public ::testing::Test {
 protected:
  std::vector<std::string> look() {
    std::vector<std::string> names;
    for (const UsbPort& port : arrivals_.look(transport::list_usb_ports(pc_.machine())))
      names.push_back(to_text(port.port));
    return names;
  }

  fakes::FakeUsbPc pc_;
  Arrivals arrivals_{transport::list_usb_ports(pc_.machine())};
};

TEST_F(ArrivalsTest, what_comes_counts_once_it_was_seen_twice) {
  EXPECT_THAT(look(), IsEmpty());
  pc_.plug("1-2", {.product = "2711"});
  EXPECT_THAT(look(), IsEmpty());
  EXPECT_THAT(look(), ElementsAre("pci-0000:00:14.0/2"));
  EXPECT_THAT(look(), IsEmpty());
  pc_.unplug("1-2");
  EXPECT_THAT(look(), IsEmpty());
  pc_.plug("1-2", {.product = "2711"});
  look();
  EXPECT_THAT(look(), ElementsAre("pci-0000:00:14.0/2"));
}

TEST_F(ArrivalsTest, a_reader_counts_by_the_card_that_is_put_into_it) {
  pc_.plug("1-2");
  pc_.disk("1-2", 0, "sdb", 16, 0);
  EXPECT_THAT(look(), IsEmpty());
  pc_.disk("1-2", 1, "sdc", 32, 0);
  EXPECT_THAT(look(), IsEmpty());
  EXPECT_THAT(look(), IsEmpty()) << "a reader without a card says nothing";
  pc_.medium("sdc", 1 << 20);
  look();
  EXPECT_THAT(look(), ElementsAre("pci-0000:00:14.0/2#1"));
  pc_.folder().file("run/udev/control", "");
  EXPECT_THAT(look(), IsEmpty());
  EXPECT_THAT(look(), IsEmpty()) << "udev's part is no arrival";
}

TEST_F(ArrivalsTest, a_reader_that_comes_up_card_slot_by_card_slot_is_not_taken_for_a_stick) {
  pc_.plug("1-2");
  pc_.disk("1-2", 0, "sdb", 16, 1 << 20);
  EXPECT_THAT(look(), IsEmpty());
  pc_.disk("1-2", 1, "sdc", 32, 0);
  EXPECT_THAT(look(), IsEmpty());
  EXPECT_THAT(look(), ElementsAre("pci-0000:00:14.0/2#0"));
}

TEST_F(ArrivalsTest, what_flaps_does_not_count) {
  for (int n = 0; n < 4; ++n) {
    pc_.plug("1-2", {.product = "2711"});
    EXPECT_THAT(look(), IsEmpty());
    pc_.unplug("1-2");
  }
  EXPECT_THAT(look(), IsEmpty());
}

}  // namespace
}  // namespace flashline::line
