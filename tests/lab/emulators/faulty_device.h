#pragma once
// Any emulated stage with one thing wrong at one moment.

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "tests/lab/emulators/emulated_device.h"

namespace flashline::lab {

struct Fault {
  enum class Kind : std::uint8_t { stall, silence, link_error, short_take, unplug, garbage, short_answer, long_answer };
  enum class On : std::uint8_t { control, out, in };
  Kind kind = Kind::stall;
  On on = On::out;
  std::uint64_t after_bytes = 0;  ///< the first transfer of this sort that begins or ends past so many bytes of it
  std::uint32_t times = 1;        ///< so many transfers fail; 0: all from then on
};
/// "stall", "silence", "link-error", "short-take", "unplug", "garbage", "short-answer", "long-answer".
std::string_view name_of(Fault::Kind kind);
/// "control", "out", "in".
std::string_view name_of(Fault::On on);

/// Passes everything to `inner` until the fault is due. silence: until the port is reset. garbage: an IN answer of the
/// same length full of 0xA5. short_answer: one byte of it. long_answer: 512 bytes more than were asked for.
class FaultyDevice final : public EmulatedDevice {
 public:
  FaultyDevice(std::shared_ptr<EmulatedDevice> inner, Fault fault) : inner_{std::move(inner)}, fault_{fault} {}

  const Descriptors& descriptors() const override { return inner_->descriptors(); }
  Reply control(const Setup& setup, std::span<const std::byte> data) override;
  Reply out(std::uint8_t endpoint, std::span<const std::byte> data) override;
  Reply in(std::uint8_t endpoint, std::size_t most) override;
  void reset() override {
    silent_ = false;
    inner_->reset();
  }
  /// The fault happened at least once.
  bool struck() const { return struck_ > 0; }

 private:
  bool due(Fault::On on, std::size_t bytes);
  template <class Pass>
  Reply faulty(std::size_t bytes, Pass pass);
  Reply followed(Reply reply);

  std::shared_ptr<EmulatedDevice> inner_;
  Fault fault_;
  std::uint64_t seen_ = 0;
  std::uint32_t struck_ = 0;
  bool silent_ = false;
};

}  // namespace flashline::lab
