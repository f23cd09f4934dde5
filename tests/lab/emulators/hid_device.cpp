#include "tests/lab/emulators/hid_device.h"

#include <algorithm>
#include <array>

namespace flashline::lab {
namespace {

// Four vendor-defined reports: 16 bytes and 1024 bytes out, 4 and 64 bytes in.
constexpr std::array<std::uint8_t, 76> report_descriptor{
    0x06, 0x00, 0xff, 0x09, 0x01, 0xa1, 0x01, 0x85, 0x01, 0x19, 0x01, 0x29, 0x01, 0x15, 0x00, 0x26, 0xff, 0x00, 0x75,
    0x08, 0x95, 0x10, 0x91, 0x02, 0x85, 0x02, 0x19, 0x01, 0x29, 0x01, 0x15, 0x00, 0x26, 0xff, 0x00, 0x75, 0x80, 0x95,
    0x40, 0x91, 0x02, 0x85, 0x03, 0x19, 0x01, 0x29, 0x01, 0x15, 0x00, 0x26, 0xff, 0x00, 0x75, 0x08, 0x95, 0x04, 0x81,
    0x02, 0x85, 0x04, 0x19, 0x01, 0x29, 0x01, 0x15, 0x00, 0x26, 0xff, 0x00, 0x75, 0x08, 0x95, 0x40, 0x81, 0x02, 0xc0};

Bytes hid_descriptor() {
  constexpr std::array<std::uint8_t, 9> bytes{9, 0x21, 0x10, 0x01, 0, 1, 0x22, report_descriptor.size(), 0};
  Bytes made(bytes.size());
  std::ranges::transform(bytes, made.begin(), [](std::uint8_t each) { return std::byte{each}; });
  return made;
}

Descriptors described(const HidPlan& plan) {
  InterfacePlan interface{.class_code = 3, .endpoints = {{0x81, 3, 64}}, .extra = hid_descriptor()};
  if (plan.out_endpoint) interface.endpoints.push_back({0x01, 3, 1024});
  DevicePlan device{.vendor = plan.vendor,
                    .product = plan.product,
                    .release = plan.release,
                    .manufacturer_index = 1,
                    .product_index = 2,
                    .strings = {{1, "Freescale SemiConductor Inc "}, {2, plan.name}},
                    .interfaces = {interface}};
  if (!plan.uid.empty()) device.strings[4] = plan.uid;
  return describe(device);
}

}  // namespace

HidDevice::HidDevice(const HidPlan& plan) : descriptors_{described(plan)}, out_endpoint_{plan.out_endpoint} {}

Reply HidDevice::report(std::span<const std::byte> bytes) {
  if (bytes.empty() || !take(std::to_integer<std::uint8_t>(bytes[0]), bytes.subspan(1))) return Reply::refuse();
  return Reply::take(bytes.size());
}

Reply HidDevice::control(const Setup& setup, std::span<const std::byte> data) {
  if (setup.request_type == 0x21 && setup.request == 9 && !data.empty() &&
      setup.value == (0x0200U | std::to_integer<unsigned>(data[0]))) {
    return report(data);
  }
  if (setup.request_type == 0x21 && setup.request == 10) return Reply::take(0);  // SET_IDLE
  if (setup.request_type == 0x81 && setup.request == 6 && setup.value == 0x2200) {
    Bytes bytes(std::min<std::size_t>(report_descriptor.size(), setup.length));
    std::transform(report_descriptor.begin(), report_descriptor.begin() + static_cast<std::ptrdiff_t>(bytes.size()),
                   bytes.begin(), [](std::uint8_t each) { return std::byte{each}; });
    return Reply::answer(std::move(bytes));
  }
  return Reply::refuse();
}

Reply HidDevice::out(std::uint8_t endpoint, std::span<const std::byte> data) {
  return out_endpoint_ && endpoint == 1 ? report(data) : Reply::refuse();
}

Reply HidDevice::in(std::uint8_t endpoint, std::size_t) {
  if (endpoint != 1) return Reply::refuse();
  if (answers_.empty()) return Reply::nothing_yet();
  Bytes first = std::move(answers_.front());
  answers_.pop_front();
  if (leaving_ && answers_.empty()) leave();
  return Reply::answer(std::move(first));
}

void HidDevice::answer(std::uint8_t id, Bytes bytes) {
  bytes.insert(bytes.begin(), std::byte{id});
  answers_.push_back(std::move(bytes));
}

void HidDevice::leave_after_answers() {
  leaving_ = true;
  if (answers_.empty()) leave();
}

}  // namespace flashline::lab
