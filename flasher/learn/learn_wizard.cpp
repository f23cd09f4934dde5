#include "flasher/learn/learn_wizard.h"

#include <algorithm>
#include <spdlog/fmt/fmt.h>

#include "transport/discovery/port_changes.h"

namespace flashline::line {
namespace {

using transport::PortPath;
using transport::UsbPort;

/// Something that can be bound: a card, a stick, or a board that has no disk (yet).
bool is_plugged(const UsbPort& port) { return port.has_medium() || !port.storage; }

bool is_in(const std::vector<UsbPort>& list, const UsbPort& port) {
  return std::ranges::any_of(list, [&](const UsbPort& each) {
    return each.port == port.port && each.address == port.address && each.has_medium() == port.has_medium();
  });
}

/// A socket as a whole, and one of its card slots, are not two ports.
bool share(const PortPath& a, const PortPath& b) { return a == b || (a.socket() == b.socket() && (!a.lun || !b.lun)); }

std::string described(const UsbPort& port) {
  const std::string name =
      port.product_name.empty() ? fmt::format("{:04x}:{:04x}", port.vendor, port.product) : port.product_name;
  if (!port.disk) return name;
  return fmt::format("{}, {} of {:.1f} GB", name, port.disk->name, static_cast<double>(port.disk->size.value) / 1e9);
}

}  // namespace

std::vector<UsbPort> Arrivals::look(const std::vector<UsbPort>& now) {
  std::vector<UsbPort> came;
  std::vector<UsbPort> settled;
  for (const transport::PortChange& change : transport::changes_between(before_, now)) {
    if (change.now && is_plugged(*change.now) && !is_in(before_, *change.now)) came.push_back(*change.now);
  }
  for (const UsbPort& port : came) {
    if (is_in(fresh_, port)) settled.push_back(port);
  }
  // Settled ports are old from now on, and so is what left; what has just come is looked at again.
  std::vector<UsbPort> known;
  for (const UsbPort& port : now) {
    if (!is_in(came, port) || is_in(settled, port)) known.push_back(port);
  }
  before_ = std::move(known);
  fresh_ = std::move(came);
  return settled;
}

std::string LearnWizard::prompt() const {
  if (done()) return "All slots were asked for.";
  const SlotToLearn& slot = slots_[at_];
  return fmt::format("Plug a board or a card into slot {} (row {}, column {}).", slot.name, slot.row, slot.column);
}

std::string LearnWizard::arrived(const UsbPort& port) {
  if (done()) return {};
  const std::string name = to_text(port.port);
  const std::string owner = owner_of(port.port);
  if (!owner.empty()) return fmt::format("{} is slot {} already: plug it into another port.", name, owner);
  found_[at_] = port.port;
  const std::string said = fmt::format("Slot {} is {} ({}).", slots_[at_].name, name, described(port));
  ++at_;
  return said;
}

void LearnWizard::skip() {
  if (done()) return;
  found_.erase(at_);
  ++at_;
}

void LearnWizard::back() {
  if (at_ == 0) return;
  --at_;
  found_.erase(at_);
}

std::string LearnWizard::owner_of(const PortPath& port) const {
  for (const auto& [other, name] : taken_) {
    if (share(other, port)) return name;
  }
  for (const auto& [index, other] : found_) {
    if (share(other, port)) return slots_[index].name;
  }
  return {};
}

std::vector<LearnedSlot> LearnWizard::learned() const {
  std::vector<LearnedSlot> all;
  for (const auto& [index, port] : found_) all.push_back({slots_[index], port});
  return all;
}

}  // namespace flashline::line
