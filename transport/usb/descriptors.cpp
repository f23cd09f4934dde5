#include "transport/usb/descriptors.h"

#include <algorithm>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/errors/usb.h"

namespace flashline::transport {
namespace {

enum Type : std::uint8_t { device_type = 1, configuration_type = 2, interface_type = 4, endpoint_type = 5 };
constexpr std::size_t most_of_each = 32;

std::uint8_t u8(std::span<const std::byte> bytes, std::size_t at) { return std::to_integer<std::uint8_t>(bytes[at]); }
std::uint16_t u16(std::span<const std::byte> bytes, std::size_t at) {
  return static_cast<std::uint16_t>(u8(bytes, at) | u8(bytes, at + 1) << 8);
}

UsbEndpoint::Kind kind_of(std::uint8_t attributes) {
  if ((attributes & 3) == 2) return UsbEndpoint::Kind::bulk;
  return (attributes & 3) == 3 ? UsbEndpoint::Kind::interrupt : UsbEndpoint::Kind::other;
}

}  // namespace

Result<UsbFacts> read_device_descriptor(std::span<const std::byte> bytes) {
  if (bytes.size() < 18 || u8(bytes, 1) != device_type) {
    return fail(errc::usb_descriptor, fmt::format("{} bytes are no device descriptor", bytes.size()));
  }
  return UsbFacts{
      .vendor = u16(bytes, 8), .product = u16(bytes, 10), .release = u16(bytes, 12), .serial_index = u8(bytes, 16)};
}

Result<std::vector<UsbInterface>> read_configuration(std::span<const std::byte> bytes) {
  if (bytes.size() < 9 || u8(bytes, 1) != configuration_type) {
    return fail(errc::usb_descriptor, fmt::format("{} bytes are no configuration descriptor", bytes.size()));
  }
  std::vector<UsbInterface> interfaces;
  bool skipping = true;  // endpoints of another alternate setting, or before any interface
  for (std::size_t at = 0; at + 2 <= bytes.size();) {
    const std::size_t length = u8(bytes, at);
    if (length < 2) return fail(errc::usb_descriptor, fmt::format("a descriptor of {} bytes at {}", length, at));
    if (at + length > bytes.size()) break;
    const auto one = bytes.subspan(at, length);
    at += length;
    if (u8(one, 1) == interface_type && length >= 9) {
      skipping = u8(one, 3) != 0 || interfaces.size() == most_of_each;
      if (!skipping) interfaces.push_back({u8(one, 2), u8(one, 5), u8(one, 6), u8(one, 7), {}});
    } else if (u8(one, 1) == endpoint_type && length >= 7 && !skipping &&
               interfaces.back().endpoints.size() < most_of_each) {
      interfaces.back().endpoints.push_back(
          {u8(one, 2), kind_of(u8(one, 3)), static_cast<std::uint16_t>(u16(one, 4) & 0x7ff)});
    }
  }
  return interfaces;
}

std::string shown_string(std::string_view raw) {
  std::string text{raw.substr(0, 126)};
  std::ranges::replace_if(text, [](char each) { return each < ' ' || each > '~'; }, '?');
  return text;
}

}  // namespace flashline::transport
