#pragma once
// A Qualcomm boot ROM in emergency download mode: it reads a programmer and hands its place to it.

#include <cstdint>
#include <deque>
#include <memory>
#include <string>

#include "tests/lab/emulators/descriptors.h"
#include "tests/lab/emulators/emulated_device.h"

namespace flashline::lab {

struct SaharaRomPlan {
  std::uint32_t version = 2;
  bool reads_64 = false;       ///< asks by the wide packets
  std::uint32_t piece = 4096;  ///< bytes of one read
  std::uint32_t image = 13;
  std::uint64_t programmer_size = 60000;  ///< how much it reads: from the headers of the programmer on a real chip
  std::uint32_t serial = 0x1a2b3c4d;
  bool has_commands = true;      ///< false: takes a wish for commands as one for an image
  bool says_pending = true;      ///< at the end, as the MSM8916 does
  std::uint32_t end_status = 0;  ///< of the image; else: it does not like the programmer
  std::uint32_t mode = 0;        ///< of its hello
  std::string product = "QHSUSB__BULK";
};

class SaharaRom final : public EmulatedDevice {
 public:
  /// `programmer` answers once the image is there; on the same endpoints.
  explicit SaharaRom(SaharaRomPlan plan, std::shared_ptr<EmulatedDevice> programmer = nullptr);

  const Descriptors& descriptors() const override { return descriptors_; }
  Reply control(const Setup& setup, std::span<const std::byte> data) override;
  Reply out(std::uint8_t endpoint, std::span<const std::byte> data) override;
  Reply in(std::uint8_t endpoint, std::size_t most) override;

  /// What it read.
  const Bytes& image() const { return image_; }
  bool runs() const { return runs_; }

 private:
  bool packet(std::span<const std::byte> bytes);
  void say(std::uint32_t command, std::initializer_list<std::uint32_t> body);
  void hello();
  void ask_on();

  SaharaRomPlan plan_;
  std::shared_ptr<EmulatedDevice> programmer_;
  Descriptors descriptors_;
  std::deque<Bytes> answers_;
  Bytes image_;
  std::uint64_t wanted_ = 0;  ///< bytes of image data on their way
  bool runs_ = false;
};

}  // namespace flashline::lab
