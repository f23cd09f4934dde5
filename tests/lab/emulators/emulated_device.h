#pragma once
// A board's stage as a program plays it: descriptors to be read, requests to be answered. The same object sits behind
// a pipe inside a test (emulated_pipe.h) and behind the real kernel's USB stack in the virtual line (USB/IP).

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "transport/usb/usb_facts.h"

namespace flashline::lab {

using Bytes = std::vector<std::byte>;

/// A whole setup packet.
struct Setup {
  std::uint8_t request_type = 0;
  std::uint8_t request = 0;
  std::uint16_t value = 0;
  std::uint16_t index = 0;
  std::uint16_t length = 0;
};

/// What the board does with a request.
struct Reply {
  enum class Kind : std::uint8_t {
    done,   ///< taken (OUT), or `data` is the answer (IN)
    nak,    ///< nothing yet: asked again after the board's next event; for ever: the board is silent
    stall,  ///< the board refuses
    error,  ///< the link fails: EPROTO
  };
  Kind kind = Kind::done;
  Bytes data{};           ///< of an IN; more than was asked for is an overrun
  std::size_t taken = 0;  ///< of an OUT: bytes that the board says it took

  static Reply take(std::size_t count) { return {Kind::done, {}, count}; }
  static Reply answer(Bytes data) { return {Kind::done, std::move(data), 0}; }
  static Reply nothing_yet() { return {Kind::nak, {}, 0}; }
  static Reply refuse() { return {Kind::stall, {}, 0}; }
  static Reply broken() { return {Kind::error, {}, 0}; }
};

/// The bytes that the host reads at enumeration. They may lie: that is what some boards do.
struct Descriptors {
  Bytes device{};                                 ///< 18 bytes
  Bytes configuration{};                          ///< with interfaces and endpoints; what is sent, whatever it claims
  std::map<std::uint8_t, std::string> strings{};  ///< by index, ASCII
  transport::UsbSpeed speed = transport::UsbSpeed::high;
};

/// One stage of a board. Not thread-safe: one caller at a time. Standard requests (descriptors, addresses,
/// configurations) are answered by whoever carries the device; it sees class and vendor requests only.
class EmulatedDevice {
 public:
  virtual ~EmulatedDevice() = default;
  virtual const Descriptors& descriptors() const = 0;

  /// A class or vendor request. `data` is that of an OUT request; of an IN request `setup.length` bytes are wanted.
  virtual Reply control(const Setup& setup, std::span<const std::byte> data) = 0;
  /// Bytes to an OUT endpoint (number without direction bit).
  virtual Reply out(std::uint8_t endpoint, std::span<const std::byte> data) = 0;
  /// At most `most` bytes from an IN endpoint (number without direction bit).
  virtual Reply in(std::uint8_t endpoint, std::size_t most) = 0;
  /// The host reset the port.
  virtual void reset() {}

  /// The stage is over: the carrier takes the device off the port after the reply it has just given.
  bool leaves() const { return leaves_; }

 protected:
  void leave() { leaves_ = true; }

 private:
  bool leaves_ = false;
};

}  // namespace flashline::lab
