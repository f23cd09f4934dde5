#pragma once
// A board without a protocol: it takes what it is sent, counts it, and says what it was told to say.

#include <algorithm>
#include <string>

#include "tests/lab/emulators/descriptors.h"
#include "tests/lab/emulators/emulated_device.h"

namespace flashline::lab {

class TalkingBoard final : public EmulatedDevice {
 public:
  explicit TalkingBoard(std::string serial = "T1", transport::UsbSpeed speed = transport::UsbSpeed::high,
                        std::uint16_t product = 0x2711) {
    const std::uint16_t packet = speed == transport::UsbSpeed::super  ? 1024
                                 : speed == transport::UsbSpeed::full ? 64
                                                                      : 512;
    DevicePlan device{.vendor = 0x0a5c, .product = product, .speed = speed};
    device.usb = speed == transport::UsbSpeed::super ? 0x0300 : 0x0200;
    device.serial_index = 3;
    device.strings = {{3, std::move(serial)}};
    device.interfaces = {{.endpoints = {{0x81, 2, packet}, {0x01, 2, packet}}}};
    descriptors_ = describe(device);
  }

  const Descriptors& descriptors() const override { return descriptors_; }
  Descriptors& descriptors() { return descriptors_; }
  Reply control(const Setup& setup, std::span<const std::byte> data) override {
    if ((setup.request_type & 0x80U) == 0) {
      told_.assign(data.begin(), data.end());
      return Reply::take(data.size());
    }
    Bytes bytes = told_;
    bytes.resize(std::min<std::size_t>(bytes.size(), setup.length));
    return Reply::answer(std::move(bytes));
  }
  Reply out(std::uint8_t, std::span<const std::byte> data) override {
    heard_.insert(heard_.end(), data.begin(), data.end());
    return Reply::take(data.size());
  }
  Reply in(std::uint8_t, std::size_t most) override {
    if (said_ == to_say.size()) return Reply::nothing_yet();
    const std::size_t count = std::min(most, to_say.size() - said_);
    const auto from = to_say.begin() + static_cast<std::ptrdiff_t>(said_);
    said_ += count;
    return Reply::answer(Bytes(from, from + static_cast<std::ptrdiff_t>(count)));
  }
  void reset() override { ++resets; }

  const Bytes& heard() const { return heard_; }
  Bytes to_say;
  int resets = 0;

 private:
  Descriptors descriptors_;
  Bytes told_;
  Bytes heard_;
  std::size_t said_ = 0;
};

}  // namespace flashline::lab
