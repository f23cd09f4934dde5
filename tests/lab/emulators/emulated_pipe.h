#pragma once
// A pipe with a program at its other end: a protocol and a board's emulator in one test, without a kernel between.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "imaging/core/errors/usb.h"
#include "tests/lab/emulators/descriptors.h"
#include "tests/lab/emulators/emulated_device.h"
#include "transport/usb/byte_pipe.h"

namespace flashline::lab {

/// Time does not pass in it: a board that has nothing to say after a few questions is silent, and the call times out
/// at once. Bulk transfers reach the board in pieces of `piece` bytes, as a host controller would send them.
class EmulatedPipe final : public transport::BytePipe {
 public:
  using Setup = transport::UsbSetup;

  EmulatedPipe(std::shared_ptr<EmulatedDevice> device, transport::PortPath port, std::uint8_t interface = 0,
               std::size_t piece = 16384);

  const transport::UsbFacts& facts() const override { return facts_; }
  const transport::UsbInterface& interface() const override { return facts_.interfaces.at(interface_); }
  transport::asio::awaitable<Status> control_out(Setup setup, std::span<const std::byte> data, Timeout) override;
  transport::asio::awaitable<Result<std::size_t>> control_in(Setup setup, std::span<std::byte> into, Timeout) override;
  transport::asio::awaitable<Status> out(std::uint8_t endpoint, std::span<const std::byte> data, Timeout) override;
  transport::asio::awaitable<Result<std::size_t>> in(std::uint8_t endpoint, std::span<std::byte> into,
                                                     Timeout) override;
  transport::asio::awaitable<Status> clear_halt(std::uint8_t endpoint) override;
  transport::asio::awaitable<Status> reset() override;

  /// The board is not on its port any more.
  bool gone() const { return gone_; }
  /// How often the port was reset.
  int resets() const { return resets_; }

 private:
  template <class Ask>
  Result<Reply> asked(Ask ask);

  std::shared_ptr<EmulatedDevice> device_;
  transport::UsbFacts facts_;
  std::uint8_t interface_;
  std::size_t piece_;
  bool gone_ = false;
  int resets_ = 0;
};

}  // namespace flashline::lab
