// Who is on which port, as the machine tells it while boards come, go, change and flap.
#include <map>
#include <thread>
#include <vector>

#include "tests/fakes/command.h"
#include "tests/lab/checks/line_rig.h"
#include "tests/lab/checks/talking_board.h"

namespace flashline::lab {
namespace {

class LibusbHost : public OnTheLine {
 protected:
  LibusbHost() {
    token_ = host_->listen([this](const transport::UsbEvent& event) {
      events_.push_back(event);
      now_[event.port] = event.device ? event.device->serial : "";
    });
  }

  /// The last word on a port; empty: nobody there.
  std::string last(unsigned socket) { return now_[vhci_port(socket)]; }

  std::shared_ptr<void> token_;
  std::vector<transport::UsbEvent> events_;
  std::map<transport::PortPath, std::string> now_;
};

TEST_F(LibusbHost, ABoardThatComesBackOnTheUsb3SideIsOnTheSameSocket) {
  LabBoard board{
      {.socket = 2,
       .stages = {
           {"rom", [](unsigned) { return std::make_shared<TalkingBoard>("rom", transport::UsbSpeed::full); }},
           {"os", [](unsigned) { return std::make_shared<TalkingBoard>("os", transport::UsbSpeed::super, 0x0104); }}}}};
  board.plug(0);
  ASSERT_TRUE(until([&] { return last(2) == "rom"; }));
  EXPECT_EQ(on(vhci_port(2))->speed, transport::UsbSpeed::full);
  board.unplug();
  ASSERT_TRUE(until([&] { return last(2).empty(); }));
  board.plug(1);
  ASSERT_TRUE(until([&] { return last(2) == "os"; })) << (events_.empty() ? "" : to_text(events_.back().port));
  EXPECT_EQ(on(vhci_port(2))->speed, transport::UsbSpeed::super);
}

TEST_F(LibusbHost, TwoBoardsWithOneSerialStayTwo) {
  LabBoard one{plan_of(3, std::make_shared<TalkingBoard>("same"))};
  LabBoard two{plan_of(18, std::make_shared<TalkingBoard>("same"))};
  one.plug();
  two.plug();
  ASSERT_TRUE(until([&] { return last(3) == "same" && last(18) == "same"; }));
  EXPECT_EQ(host_->devices().size(), 2);
  EXPECT_EQ(on(vhci_port(18))->port.controller, "platform-vhci_hcd.1");
}

TEST_F(LibusbHost, DescriptorsThatLieAreReadAsFarAsTheyCame) {
  const auto device = std::make_shared<TalkingBoard>("liar");
  device->descriptors().configuration.at(2) = std::byte{55};  // 32 bytes come, as from the Pi's boot ROMs
  LabBoard board{plan_of(4, device)};
  board.plug();
  ASSERT_TRUE(until([&] { return last(4) == "liar"; }));
  ASSERT_EQ(on(vhci_port(4))->interfaces.size(), 1);
  EXPECT_EQ(on(vhci_port(4))->interfaces[0].endpoints.size(), 2);
}

TEST_F(LibusbHost, ABoardThatUdevIsLateWithIsOpenedAllTheSame) {
  ASSERT_EQ(fakes::run_command({"udevadm", "control", "--stop-exec-queue"}).exit_code, 0);
  LabBoard board{plan_of(5, std::make_shared<TalkingBoard>("late"))};
  board.plug();
  EXPECT_TRUE(until([&] { return last(5) == "late"; }));
  const std::jthread udev{[] {
    std::this_thread::sleep_for(4s);  // it is that late
    fakes::run_command({"udevadm", "control", "--start-exec-queue"});
  }};
  EXPECT_NE(opened(vhci_port(5)), nullptr);
}

/// Forty boards within five seconds, half of them flapping: none is lost, none is there twice.
TEST_F(LibusbHost, AStormOfBoardsEndsInTheTruth) {
  constexpr unsigned count = 40;
  std::vector<std::unique_ptr<LabBoard>> boards;
  for (unsigned each = 0; each < count; ++each) {
    const unsigned socket = each / 10 * vhci_sockets + each % 10;
    boards.push_back(std::make_unique<LabBoard>(plan_of(socket, std::make_shared<TalkingBoard>(std::to_string(each)))));
    boards.back()->plug(0, std::chrono::milliseconds{each * 100});
  }
  for (unsigned round = 0; round < 3; ++round) {
    until([] { return false; }, 1500ms);
    for (unsigned each = 0; each < count; each += 2) {
      boards[each]->unplug();
      boards[each]->plug(0, std::chrono::milliseconds{100 + each * 10});
    }
  }
  const auto all_there = [&] {
    for (unsigned each = 0; each < count; ++each) {
      if (last(each / 10 * vhci_sockets + each % 10) != std::to_string(each)) return false;
    }
    return host_->devices().size() == count;
  };
  EXPECT_TRUE(until(all_there, 60s)) << host_->devices().size();
  std::map<transport::PortPath, bool> plugged;
  for (const auto& event : events_) {
    if (event.device && plugged[event.port]) ADD_FAILURE() << to_text(event.port) << " came twice without going";
    plugged[event.port] = event.device.has_value();
  }
}

}  // namespace
}  // namespace flashline::lab
