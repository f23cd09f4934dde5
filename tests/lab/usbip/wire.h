#pragma once
// USB/IP as the kernel's vhci-hcd speaks it on the socket it was given: 48 bytes of header, big-endian.
// Source: Documentation/usb/usbip_protocol.rst of the Linux kernel.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "tests/lab/emulators/emulated_device.h"

namespace flashline::lab {

constexpr std::size_t usbip_header_size = 48;
using UsbipHeader = std::array<std::byte, usbip_header_size>;

/// What the kernel asks for.
struct UsbipCommand {
  enum class Kind : std::uint8_t { submit, unlink };
  Kind kind = Kind::submit;
  std::uint32_t number = 0;
  bool inwards = false;
  std::uint8_t endpoint = 0;
  bool short_is_error = false;  ///< an IN transfer that is not filled counts as failed
  std::uint32_t length = 0;     ///< of the data: behind the header when OUT, wanted when IN
  Setup setup{};                ///< of endpoint 0
  std::uint32_t victim = 0;     ///< number of the request that unlink calls back
};
/// Nothing: no command of the kernel's.
std::optional<UsbipCommand> read_command(const UsbipHeader& header);

/// The answer to a request; `status` is 0 or a negative errno, `actual` the bytes that went.
UsbipHeader submitted(std::uint32_t number, std::int32_t status, std::uint32_t actual);
UsbipHeader unlinked(std::uint32_t number, std::int32_t status);

}  // namespace flashline::lab
