#include "tests/lab/usbip/standard_requests.h"

#include <algorithm>

namespace flashline::lab {
namespace {

enum Request : std::uint8_t {
  get_status = 0,
  clear_feature = 1,
  set_feature = 3,
  set_address = 5,
  get_descriptor = 6,
  get_configuration = 8,
  set_configuration = 9,
  get_interface = 10,
  set_interface = 11,
};
enum Descriptor : std::uint8_t { device_type = 1, configuration_type = 2, string_type = 3, bos_type = 15 };
constexpr std::uint8_t standard_mask = 0x60;
constexpr std::uint8_t recipient_mask = 0x1f;
constexpr std::uint8_t endpoint_recipient = 2;

Reply cut(Bytes bytes, std::size_t most) {
  bytes.resize(std::min(bytes.size(), most));
  return Reply::answer(std::move(bytes));
}

Bytes string_descriptor(const std::string& text) {
  Bytes bytes{static_cast<std::byte>(2 + 2 * text.size()), std::byte{string_type}};
  for (const char letter : text) bytes.insert(bytes.end(), {static_cast<std::byte>(letter), std::byte{0}});
  return bytes;
}

/// A SuperSpeed device must have one, with its SuperSpeed capability.
Bytes object_store() {
  Bytes bytes;
  for (const unsigned each : {5U, 15U, 15U, 0U, 1U, 10U, 16U, 3U, 0U, 8U, 0U, 3U, 0U, 0U, 0U}) {
    bytes.push_back(static_cast<std::byte>(each));
  }
  return bytes;
}

}  // namespace

Reply StandardRequests::descriptor(const Setup& setup) const {
  const Descriptors& own = device_->descriptors();
  const auto index = static_cast<std::uint8_t>(setup.value & 0xffU);
  switch (setup.value >> 8U) {
    case device_type:
      return cut(own.device, setup.length);
    case configuration_type:
      return index == 0 ? cut(own.configuration, setup.length) : Reply::refuse();
    case bos_type:
      return own.speed >= transport::UsbSpeed::super ? cut(object_store(), setup.length) : Reply::refuse();
    case string_type: {
      if (index == 0) return cut({std::byte{4}, std::byte{3}, std::byte{9}, std::byte{4}}, setup.length);
      const auto found = own.strings.find(index);
      return found == own.strings.end() ? Reply::refuse() : cut(string_descriptor(found->second), setup.length);
    }
    default:
      return Reply::refuse();
  }
}

/// A port reset does not travel over USB/IP; that a configured device is configured again is how it shows.
Reply StandardRequests::configure(std::uint8_t configuration) {
  if (configuration_ != 0 && configuration != 0) device_->reset();
  configuration_ = configuration;
  halted_.clear();
  return Reply::take(0);
}

std::optional<Reply> StandardRequests::answer(const Setup& setup) {
  if ((setup.request_type & standard_mask) != 0) return std::nullopt;
  const bool of_endpoint = (setup.request_type & recipient_mask) == endpoint_recipient;
  const auto endpoint = static_cast<std::uint8_t>(setup.index & 0xffU);
  switch (setup.request) {
    case get_descriptor:
      // Those of an interface (a HID report's) are the device's own.
      if (setup.request_type != 0x80) return std::nullopt;
      return descriptor(setup);
    case get_status:
      return cut({of_endpoint && is_halted(endpoint) ? std::byte{1} : std::byte{0}, std::byte{0}}, setup.length);
    case get_configuration:
      return cut({std::byte{configuration_}}, setup.length);
    case get_interface:
      return cut({std::byte{0}}, setup.length);
    case set_configuration:
      return configure(static_cast<std::uint8_t>(setup.value & 0xffU));
    case clear_feature:
      if (of_endpoint) halted_.erase(endpoint);
      return Reply::take(0);
    case set_feature:
      if (of_endpoint) halt(endpoint);
      return Reply::take(0);
    case set_address:
    case set_interface:
      return Reply::take(0);
    default:
      return Reply::take(0);  // power states and the like of SuperSpeed
  }
}

}  // namespace flashline::lab
