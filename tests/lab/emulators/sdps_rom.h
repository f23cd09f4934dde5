#pragma once
// The ROM of an i.MX8QXP, 8MN/MP, 9x or 28 that takes one stream and runs what it holds. It answers nothing.

#include <cstdint>

#include "tests/lab/emulators/hid_device.h"

namespace flashline::lab {

struct SdpsRomPlan {
  HidPlan hid{};
  bool command_block = false;     ///< waits for a download command, which says how much follows
  std::uint64_t stage_bytes = 0;  ///< behind an image vector table's image: what the first stage takes from the stream
};

SdpsRomPlan imx8mp();
SdpsRomPlan imx93();
SdpsRomPlan imx8qxp();
SdpsRomPlan imx28();

class SdpsRomDevice final : public HidDevice {
 public:
  explicit SdpsRomDevice(SdpsRomPlan plan) : HidDevice{plan.hid}, plan_{std::move(plan)} {}

  /// What came, padding of the last report included.
  const Bytes& stream() const { return stream_; }
  /// It has all that it needs and left.
  bool runs() const { return runs_; }

 protected:
  bool take(std::uint8_t id, std::span<const std::byte> payload) override;

 private:
  bool command(std::span<const std::byte> block);
  std::uint64_t needed() const;

  SdpsRomPlan plan_;
  Bytes stream_;
  std::uint64_t announced_ = 0;
  bool runs_ = false;
};

}  // namespace flashline::lab
