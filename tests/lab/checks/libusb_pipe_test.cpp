// The pipe over libusb, through the kernel's real USB stack, to a board that behaves or does not.
#include <algorithm>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include "imaging/core/errors/device.h"
#include "imaging/core/errors/usb.h"
#include "tests/lab/checks/line_rig.h"
#include "tests/lab/checks/talking_board.h"
#include "tests/lab/emulators/boot_images.h"
#include "tests/lab/emulators/faulty_device.h"

namespace flashline::lab {
namespace {

constexpr std::uint8_t out_endpoint = 0x01;
constexpr std::uint8_t in_endpoint = 0x81;

class LibusbPipe : public OnTheLine {
 protected:
  std::shared_ptr<TalkingBoard> device_ = std::make_shared<TalkingBoard>();
};

TEST_F(LibusbPipe, SaysWhatTheDeviceIs) {
  LabBoard board{plan_of(0, device_)};
  board.plug();
  const auto pipe = opened(vhci_port(0));
  ASSERT_TRUE(pipe);
  EXPECT_EQ(id_text(pipe->facts()), "0a5c:2711");
  EXPECT_EQ(pipe->facts().serial, "T1");
  EXPECT_EQ(pipe->facts().serial_index, 3);
  EXPECT_EQ(pipe->facts().speed, transport::UsbSpeed::high);
  EXPECT_EQ(pipe->interface().endpoints.size(), 2);
}

TEST_F(LibusbPipe, CarriesControlRequestsBothWays) {
  LabBoard board{plan_of(0, device_)};
  board.plug();
  const auto pipe = opened(vhci_port(0));
  ASSERT_TRUE(pipe);
  const Bytes said = pattern(300, 1);
  EXPECT_TRUE(tests::awaited(context_, pipe->control_out({0x40, 0, 1, 2}, said, 1s)));
  Bytes back(400);
  const auto got = tests::awaited(context_, pipe->control_in({0xc0, 0, 0, 0}, back, 1s));
  ASSERT_TRUE(got) << to_text(got.error());
  back.resize(*got);
  EXPECT_EQ(back, said);
}

TEST_F(LibusbPipe, CarriesEverySizeInOrder) {
  LabBoard board{plan_of(0, device_)};
  board.plug();
  const auto pipe = opened(vhci_port(0));
  ASSERT_TRUE(pipe);
  Bytes all;
  for (const std::size_t size : {0UL, 1UL, 512UL, 16384UL, 16385UL, 1048576UL, 5000001UL}) {
    const Bytes piece = pattern(size, static_cast<std::uint32_t>(size));
    const auto sent = tests::awaited(context_, pipe->out(out_endpoint, piece, 20s));
    EXPECT_TRUE(sent) << size << ": " << to_text(sent.error());
    all.insert(all.end(), piece.begin(), piece.end());
  }
  EXPECT_TRUE(device_->heard() == all);
}

TEST_F(LibusbPipe, ReadsUntilAShortPacketOrUntilItIsFull) {
  device_->to_say = pattern(700000, 3);
  LabBoard board{plan_of(0, device_)};
  board.plug();
  const auto pipe = opened(vhci_port(0));
  ASSERT_TRUE(pipe);
  Bytes first(1000);
  EXPECT_EQ(tests::awaited(context_, pipe->in(in_endpoint, first, 1s)).value_or(0), 1000);
  Bytes rest(1 << 20);
  const auto got = tests::awaited(context_, pipe->in(in_endpoint, rest, 10s));
  ASSERT_TRUE(got);
  EXPECT_EQ(*got, 699000);
  first.insert(first.end(), rest.begin(), rest.begin() + 699000);
  EXPECT_TRUE(first == device_->to_say);
}

struct Trouble {
  const char* name;
  Fault::Kind kind;
  Errc code;
  bool goes_on;  ///< after the cure the pipe works
};
class PipeInTrouble : public LibusbPipe, public testing::WithParamInterface<Trouble> {};

TEST_P(PipeInTrouble, SaysWhichAndGoesOn) {
  const auto faulty = std::make_shared<FaultyDevice>(device_, Fault{GetParam().kind, Fault::On::out, 32768, 1});
  LabBoard board{plan_of(1, faulty)};
  board.plug();
  const auto pipe = opened(vhci_port(1));
  ASSERT_TRUE(pipe);
  const Bytes data(2 << 20);
  const auto sent = tests::awaited(context_, pipe->out(out_endpoint, data, 1500ms));
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().code, GetParam().code) << to_text(sent.error());
  const auto cured = tests::awaited(context_, pipe->reset());
  EXPECT_EQ(cured.has_value(), GetParam().goes_on);
  const auto again = tests::awaited(context_, pipe->out(out_endpoint, Bytes(4096), 1500ms));
  EXPECT_EQ(again.has_value(), GetParam().goes_on) << to_text(again.error());
  if (!GetParam().goes_on) {
    EXPECT_EQ(again.error().code, errc::usb_gone);
  }
}

INSTANTIATE_TEST_SUITE_P(Faults, PipeInTrouble,
                         testing::Values(Trouble{"stall", Fault::Kind::stall, errc::usb_stall, true},
                                         Trouble{"silence", Fault::Kind::silence, errc::usb_timeout, true},
                                         Trouble{"link_error", Fault::Kind::link_error, errc::usb_link, true},
                                         Trouble{"short_take", Fault::Kind::short_take, errc::usb_short, true},
                                         Trouble{"unplug", Fault::Kind::unplug, errc::usb_gone, false}),
                         [](const auto& row) { return row.param.name; });

TEST_F(LibusbPipe, AStallEndsWhenItIsCleared) {
  const auto faulty = std::make_shared<FaultyDevice>(device_, Fault{Fault::Kind::stall, Fault::On::out, 0, 1});
  LabBoard board{plan_of(0, faulty)};
  board.plug();
  const auto pipe = opened(vhci_port(0));
  ASSERT_TRUE(pipe);
  EXPECT_EQ(tests::awaited(context_, pipe->out(out_endpoint, Bytes(16), 1s)).error().code, errc::usb_stall);
  EXPECT_EQ(tests::awaited(context_, pipe->out(out_endpoint, Bytes(16), 1s)).error().code, errc::usb_stall);
  EXPECT_TRUE(tests::awaited(context_, pipe->clear_halt(out_endpoint)));
  EXPECT_TRUE(tests::awaited(context_, pipe->out(out_endpoint, Bytes(16), 1s)));
}

TEST_F(LibusbPipe, ACancelledCallEndsWhenTheKernelLetGo) {
  LabBoard board{plan_of(0, device_)};
  board.plug();
  const auto pipe = opened(vhci_port(0));
  ASSERT_TRUE(pipe);
  boost::asio::cancellation_signal cancel;
  std::optional<Result<std::size_t>> result;
  Bytes into(4096);
  boost::asio::co_spawn(
      context_, pipe->in(in_endpoint, into, 60s),
      boost::asio::bind_cancellation_slot(cancel.slot(), [&](std::exception_ptr error, Result<std::size_t> got) {
        EXPECT_EQ(error, nullptr);
        result = std::move(got);
      }));
  EXPECT_FALSE(until([&] { return result.has_value(); }, 200ms));
  cancel.emit(boost::asio::cancellation_type::terminal);
  ASSERT_TRUE(until([&] { return result.has_value(); }, 3s));
  EXPECT_EQ(result->error().code, errc::cancelled);
  EXPECT_TRUE(tests::awaited(context_, pipe->out(out_endpoint, Bytes(16), 1s)));
}

TEST_F(LibusbPipe, AnInterfaceThatIsNotThereAndAnEmptyPortAreSaid) {
  LabBoard board{plan_of(0, device_)};
  board.plug();
  ASSERT_TRUE(until([&] { return on(vhci_port(0)).has_value(); }));
  EXPECT_EQ(tests::awaited(context_, host_->open(vhci_port(0), 5)).error().code, errc::usb_no_interface);
  EXPECT_EQ(tests::awaited(context_, host_->open(vhci_port(9), 0)).error().code, errc::usb_gone);
}

TEST_F(LibusbPipe, WhatAnotherProgramHoldsIsBusy) {
  LabBoard board{plan_of(0, device_)};
  board.plug();
  const auto first = opened(vhci_port(0));
  ASSERT_TRUE(first);
  const auto second = tests::awaited(context_, host_->open(vhci_port(0), 0));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, errc::usb_busy);
}

}  // namespace
}  // namespace flashline::lab
