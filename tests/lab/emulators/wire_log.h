#pragma once
// What went over the wire to an emulated stage, as text that a person can review and a golden file can hold.

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "tests/lab/emulators/emulated_device.h"

namespace flashline::lab {

/// Passes everything on and writes a line for each transfer: "control 21 09 0201 0000 [17] 01 05 05 ...",
/// "out 1 [1021] ...", "in 1 [5] 03 ...", and "stall", "nothing", "error" for what was no answer. Of long data the
/// beginning and the SHA-256 stand in it; what is mostly text stands as text.
class WireLog final : public EmulatedDevice {
 public:
  explicit WireLog(std::shared_ptr<EmulatedDevice> inner) : inner_{std::move(inner)} {}

  const Descriptors& descriptors() const override { return inner_->descriptors(); }
  Reply control(const Setup& setup, std::span<const std::byte> data) override;
  Reply out(std::uint8_t endpoint, std::span<const std::byte> data) override;
  Reply in(std::uint8_t endpoint, std::size_t most) override;
  void reset() override;

  const std::string& text() const { return text_; }

 private:
  void add(std::string_view line);
  Reply noted(Reply reply);

  std::shared_ptr<EmulatedDevice> inner_;
  std::string text_;
};

}  // namespace flashline::lab
