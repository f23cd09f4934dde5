#pragma once
// What any USB device answers to its host before its own protocol begins: descriptors, configurations, halts.

#include <cstdint>
#include <optional>
#include <set>

#include "tests/lab/emulators/emulated_device.h"

namespace flashline::lab {

class StandardRequests {
 public:
  explicit StandardRequests(EmulatedDevice& device) : device_{&device} {}

  /// The answer, or nothing: the request is of a class or of the vendor, and the device's to answer.
  std::optional<Reply> answer(const Setup& setup);

  /// An endpoint (with direction bit) that refused: it refuses everything until the host clears it.
  void halt(std::uint8_t endpoint) { halted_.insert(endpoint); }
  bool is_halted(std::uint8_t endpoint) const { return halted_.contains(endpoint); }

 private:
  Reply descriptor(const Setup& setup) const;
  Reply configure(std::uint8_t configuration);

  EmulatedDevice* device_;
  std::uint8_t configuration_ = 0;
  std::set<std::uint8_t> halted_;
};

}  // namespace flashline::lab
