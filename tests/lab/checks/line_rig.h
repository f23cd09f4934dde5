#pragma once
// What the tests of the virtual line share: an event loop, the machine's USB ports, boards to plug in.

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <gtest/gtest.h>
#include <memory>
#include <optional>

#include "tests/fakes/awaited.h"
#include "tests/lab/usbip/lab_board.h"
#include "tests/lab/usbip/vhci.h"
#include "transport/usb/libusb_host.h"

namespace flashline::lab {

using namespace std::chrono_literals;

class OnTheLine : public testing::Test {
 protected:
  OnTheLine() {
    auto made = transport::make_libusb_host(context_.get_executor());
    if (!made) throw std::runtime_error{to_text(made.error())};
    host_ = std::move(*made);
  }

  /// Runs the event loop until `done` or so long.
  bool until(const std::function<bool()>& done, std::chrono::milliseconds most = 10s) {
    const auto end = std::chrono::steady_clock::now() + most;
    context_.restart();
    while (!done() && std::chrono::steady_clock::now() < end) context_.run_one_for(50ms);
    return done();
  }

  std::optional<transport::UsbFacts> on(const transport::PortPath& port) const {
    for (const auto& each : host_->devices()) {
      if (each.port == port) return each;
    }
    return std::nullopt;
  }

  std::unique_ptr<transport::BytePipe> opened(const transport::PortPath& port, std::uint8_t interface = 0) {
    EXPECT_TRUE(until([&] { return on(port).has_value(); })) << to_text(port);
    auto pipe = tests::awaited(context_, host_->open(port, interface));
    EXPECT_TRUE(pipe) << to_text(pipe.error());
    return pipe ? std::move(*pipe) : nullptr;
  }

  /// A board of one stage.
  static LabBoard::Plan plan_of(unsigned socket, std::shared_ptr<EmulatedDevice> device) {
    return {.socket = socket, .stages = {{"stage", [device](unsigned) { return device; }}}};
  }

  boost::asio::io_context context_;
  std::unique_ptr<transport::UsbHost> host_;
};

}  // namespace flashline::lab
