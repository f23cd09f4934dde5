#pragma once
// Builds the descriptor bytes of an emulated device out of what a reader of the test wants to say.

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "tests/lab/emulators/emulated_device.h"

namespace flashline::lab {

struct EndpointPlan {
  std::uint8_t address = 0;
  std::uint8_t attributes = 2;  ///< 2 bulk, 3 interrupt
  std::uint16_t packet = 512;
};

struct InterfacePlan {
  std::uint8_t class_code = 0xff;
  std::uint8_t subclass = 0;
  std::uint8_t protocol = 0;
  std::vector<EndpointPlan> endpoints{};
  Bytes extra{};  ///< class descriptors between interface and endpoints, as a HID device has them
};

struct DevicePlan {
  std::uint16_t vendor = 0;
  std::uint16_t product = 0;
  std::uint16_t release = 0x0100;
  std::uint16_t usb = 0x0200;
  std::uint8_t manufacturer_index = 0;
  std::uint8_t product_index = 0;
  std::uint8_t serial_index = 0;
  std::map<std::uint8_t, std::string> strings{};
  std::vector<InterfacePlan> interfaces{};
  transport::UsbSpeed speed = transport::UsbSpeed::high;
};

/// The descriptors of `plan`, with true lengths.
Descriptors describe(const DevicePlan& plan);

/// What a host that believes only what arrived would know of it, at `port`. Interfaces are cut where the bytes end.
transport::UsbFacts facts_of(const Descriptors& descriptors, transport::PortPath port);

}  // namespace flashline::lab
