#include "tests/lab/emulators/descriptors.h"

#include "transport/usb/descriptors.h"

namespace flashline::lab {
namespace {

void put(Bytes& bytes, std::initializer_list<unsigned> values) {
  for (const unsigned value : values) bytes.push_back(static_cast<std::byte>(value));
}
unsigned low(std::uint16_t value) { return value & 0xffU; }
unsigned high(std::uint16_t value) { return value >> 8U; }

Bytes device_bytes(const DevicePlan& plan) {
  Bytes bytes;
  const unsigned packet = plan.speed == transport::UsbSpeed::super ? 9 : 64;
  put(bytes, {18, 1, low(plan.usb), high(plan.usb), 0, 0, 0, packet, low(plan.vendor), high(plan.vendor),
              low(plan.product), high(plan.product), low(plan.release), high(plan.release), plan.manufacturer_index,
              plan.product_index, plan.serial_index, 1});
  return bytes;
}

void add_interface(Bytes& bytes, unsigned number, const InterfacePlan& plan, bool super) {
  put(bytes, {9, 4, number, 0, static_cast<unsigned>(plan.endpoints.size()), plan.class_code, plan.subclass,
              plan.protocol, 0});
  bytes.insert(bytes.end(), plan.extra.begin(), plan.extra.end());
  for (const EndpointPlan& each : plan.endpoints) {
    const unsigned interval = each.attributes == 3 ? 1 : 0;
    put(bytes, {7, 5, each.address, each.attributes, low(each.packet), high(each.packet), interval});
    if (super) put(bytes, {6, 0x30, 0, 0, 0, 0});
  }
}

}  // namespace

Descriptors describe(const DevicePlan& plan) {
  Bytes bytes;
  // 500 mA; a SuperSpeed device counts in steps of 8 mA, and hosts refuse one that wants more than 900.
  const unsigned power = plan.speed == transport::UsbSpeed::super ? 62 : 250;
  put(bytes, {9, 2, 0, 0, static_cast<unsigned>(plan.interfaces.size()), 1, 0, 0x80, power});
  for (std::size_t number = 0; number < plan.interfaces.size(); ++number) {
    add_interface(bytes, static_cast<unsigned>(number), plan.interfaces[number],
                  plan.speed == transport::UsbSpeed::super);
  }
  bytes[2] = static_cast<std::byte>(bytes.size() & 0xff);
  bytes[3] = static_cast<std::byte>(bytes.size() >> 8U);
  return {device_bytes(plan), std::move(bytes), plan.strings, plan.speed};
}

transport::UsbFacts facts_of(const Descriptors& descriptors, transport::PortPath port) {
  transport::UsbFacts facts = transport::read_device_descriptor(descriptors.device).value();
  facts.port = std::move(port);
  facts.speed = descriptors.speed;
  facts.interfaces = transport::read_configuration(descriptors.configuration).value();
  const auto text = [&](std::size_t at) {
    const auto found = descriptors.strings.find(std::to_integer<std::uint8_t>(descriptors.device.at(at)));
    return found == descriptors.strings.end() ? std::string{} : transport::shown_string(found->second);
  };
  facts.manufacturer = text(14);
  facts.product_name = text(15);
  facts.serial = text(16);
  return facts;
}

}  // namespace flashline::lab
