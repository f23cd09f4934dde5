#pragma once
// The boot ROM of a Raspberry Pi in USB boot mode: takes one program and says whether it likes it.

#include <cstdint>
#include <functional>
#include <string>

#include "tests/lab/emulators/descriptors.h"
#include "tests/lab/emulators/emulated_device.h"

namespace flashline::lab {

struct PiBoardPlan {
  std::uint16_t product = 0x2711;  ///< 2763, 2764, 2711, 2712
  bool two_interfaces = false;     ///< a disk first, as on some BCM2837
  bool honest_descriptor = false;  ///< false: announces 55 bytes and sends 32, as the real ones do
  transport::UsbSpeed speed = transport::UsbSpeed::high;
  std::string serial = "00000000deadbeef";
};

/// Descriptors of either stage; `serial_index` 0 or 3 in the ROM, 1 or 4 after it.
Descriptors describe_pi(const PiBoardPlan& plan, std::uint8_t serial_index, std::string product_name);

/// What a ROM thinks of a second stage: 0 to take it, else its return code. `signature` is the message's 20 bytes.
using PiVerdict = std::function<std::int32_t(const Bytes& code, const Bytes& signature)>;

/// Follows the order message, program, return code, and stalls whatever does not fit in. Leaves once a program that it
/// takes was acknowledged.
class PiBootRom final : public EmulatedDevice {
 public:
  explicit PiBootRom(PiBoardPlan plan = {}, PiVerdict verdict = {});

  const Descriptors& descriptors() const override { return descriptors_; }
  Reply control(const Setup& setup, std::span<const std::byte> data) override;
  Reply out(std::uint8_t endpoint, std::span<const std::byte> data) override;
  Reply in(std::uint8_t endpoint, std::size_t most) override;

  /// What arrived so far.
  const Bytes& code() const { return code_; }
  const Bytes& signature() const { return signature_; }

 private:
  Reply announced(std::size_t length);
  Reply tell(const Setup& setup);
  void look_at_message();

  Descriptors descriptors_;
  std::uint8_t endpoint_;
  PiVerdict verdict_;
  std::size_t awaited_ = 0;  // bytes still to come of what was announced
  Bytes message_;
  Bytes signature_;
  Bytes code_;
  std::size_t code_size_ = 0;
};

}  // namespace flashline::lab
