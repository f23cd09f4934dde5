#pragma once
// What a USB device says of itself, as far as it can be believed: sizes come from what arrived, not from what was said.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "transport/discovery/port_path.h"

namespace flashline::transport {

enum class UsbSpeed : std::uint8_t { unknown, low, full, high, super, super_plus };
/// "low", "full", "high", "super", "super+" or "unknown".
std::string_view name_of(UsbSpeed speed);

struct UsbEndpoint {
  enum class Kind : std::uint8_t { bulk, interrupt, other };
  std::uint8_t address = 0;  ///< bit 7 set: towards the host
  Kind kind = Kind::bulk;
  std::uint16_t packet = 0;  ///< most bytes in one packet

  bool is_in() const { return (address & 0x80) != 0; }
};

struct UsbInterface {
  std::uint8_t number = 0;
  std::uint8_t class_code = 0;
  std::uint8_t subclass = 0;
  std::uint8_t protocol = 0;
  std::vector<UsbEndpoint> endpoints{};
};

/// A device on a port, as it is at this moment; the next stage of the same board is another one.
struct UsbFacts {
  PortPath port{};
  std::uint16_t vendor = 0;
  std::uint16_t product = 0;
  std::uint16_t release = 0;      ///< bcdDevice
  std::uint8_t serial_index = 0;  ///< iSerialNumber: boot ROMs tell their stages apart by it
  UsbSpeed speed = UsbSpeed::unknown;
  std::string manufacturer{};  ///< strings have their control characters and broken UTF-16 replaced by '?'
  std::string product_name{};
  std::string serial{};
  std::vector<UsbInterface> interfaces{};  ///< of the first configuration, alternate setting 0

  /// The first interface of this class, or null.
  const UsbInterface* find(std::uint8_t class_code, std::uint8_t subclass, std::uint8_t protocol) const;
};

/// "0a5c:2711".
std::string id_text(const UsbFacts& device);

}  // namespace flashline::transport
