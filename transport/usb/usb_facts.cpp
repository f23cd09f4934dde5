#include "transport/usb/usb_facts.h"

#include <algorithm>
#include <array>
#include <spdlog/fmt/fmt.h>

namespace flashline::transport {

std::string_view name_of(UsbSpeed speed) {
  constexpr std::array<std::string_view, 6> names{"unknown", "low", "full", "high", "super", "super+"};
  return names.at(static_cast<std::size_t>(speed));
}

const UsbInterface* UsbFacts::find(std::uint8_t class_code, std::uint8_t subclass, std::uint8_t protocol) const {
  const auto same = [&](const UsbInterface& each) {
    return each.class_code == class_code && each.subclass == subclass && each.protocol == protocol;
  };
  const auto found = std::ranges::find_if(interfaces, same);
  return found == interfaces.end() ? nullptr : &*found;
}

std::string id_text(const UsbFacts& device) { return fmt::format("{:04x}:{:04x}", device.vendor, device.product); }

}  // namespace flashline::transport
