#pragma once
// A device that speaks by HID reports, as NXP's boot ROMs do.

#include <cstdint>
#include <deque>
#include <span>
#include <utility>

#include "tests/lab/emulators/descriptors.h"
#include "tests/lab/emulators/emulated_device.h"

namespace flashline::lab {

struct HidPlan {
  std::uint16_t vendor = 0;
  std::uint16_t product = 0;
  std::uint16_t release = 0x0001;
  std::string name = "SE Blank";
  std::string uid{};          ///< string 4; empty: there is none
  bool out_endpoint = false;  ///< reports come on interrupt endpoint 1, else by control requests
};

class HidDevice : public EmulatedDevice {
 public:
  explicit HidDevice(const HidPlan& plan);

  const Descriptors& descriptors() const override { return descriptors_; }
  Reply control(const Setup& setup, std::span<const std::byte> data) final;
  Reply out(std::uint8_t endpoint, std::span<const std::byte> data) final;
  Reply in(std::uint8_t endpoint, std::size_t most) final;

 protected:
  /// A report that arrived, without its id. False: the device does not take it and stalls.
  virtual bool take(std::uint8_t id, std::span<const std::byte> payload) = 0;
  /// `bytes` after the id, for the host to fetch.
  void answer(std::uint8_t id, Bytes bytes);
  /// The device is gone when the host has everything that was answered.
  void leave_after_answers();

 private:
  Reply report(std::span<const std::byte> bytes);

  Descriptors descriptors_;
  std::deque<Bytes> answers_;
  bool out_endpoint_;
  bool leaving_ = false;
};

}  // namespace flashline::lab
