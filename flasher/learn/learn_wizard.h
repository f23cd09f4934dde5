#pragma once
// Which slot is which port, found out by plugging something into each in turn. No terminal and no devices: words and
// ports in, words out.

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "transport/discovery/usb_ports.h"

namespace flashline::line {

/// A slot that wants a port.
struct SlotToLearn {
  std::string name;
  std::uint32_t row = 1;
  std::uint32_t column = 1;
  std::string board;  ///< profile
};

struct LearnedSlot {
  SlotToLearn slot;
  transport::PortPath port;
};

/// Tells what was plugged in from what is just there: only what is seen twice in a row counts, since a reader shows one
/// card slot before the others.
class Arrivals {
 public:
  explicit Arrivals(std::vector<transport::UsbPort> there) : before_{std::move(there)} {}

  /// What came since the first look and is still there as it was in the last one. Cards in readers come, too.
  std::vector<transport::UsbPort> look(const std::vector<transport::UsbPort>& now);

 private:
  std::vector<transport::UsbPort> before_;
  std::vector<transport::UsbPort> fresh_;
};

class LearnWizard {
 public:
  /// `taken`: ports of slots that stay as they are, and their names.
  LearnWizard(std::vector<SlotToLearn> slots, std::map<transport::PortPath, std::string> taken)
      : slots_{std::move(slots)}, taken_{std::move(taken)} {}

  /// What to do now.
  std::string prompt() const;
  /// Something was plugged in. Gives what to say about it.
  std::string arrived(const transport::UsbPort& port);
  /// The slot stays without a port.
  void skip();
  /// To the slot before, whose port is forgotten.
  void back();

  bool done() const { return at_ == slots_.size(); }
  /// Which of the slots is asked for.
  std::size_t at() const { return at_; }
  /// In the order of the slots.
  std::vector<LearnedSlot> learned() const;

 private:
  /// Whose the port is already, or empty.
  std::string owner_of(const transport::PortPath& port) const;

  std::vector<SlotToLearn> slots_;
  std::map<transport::PortPath, std::string> taken_;
  std::map<std::size_t, transport::PortPath> found_;
  std::size_t at_ = 0;
};

}  // namespace flashline::line
