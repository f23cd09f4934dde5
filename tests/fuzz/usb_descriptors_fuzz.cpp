// What a device says of itself: any bytes give facts within their bounds or an error, and text is shown harmless.

#include <cstdint>
#include <cstdlib>
#include <span>
#include <string_view>

#include "transport/usb/descriptors.h"

using namespace flashline;
using namespace flashline::transport;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span{data, size});
  if (read_device_descriptor(bytes) && size < 18) std::abort();
  if (const auto interfaces = read_configuration(bytes)) {
    if (interfaces->size() > 32) std::abort();
    for (const UsbInterface& each : *interfaces) {
      if (each.endpoints.size() > 32) std::abort();
    }
  }
  const auto shown = shown_string({reinterpret_cast<const char*>(data), size});
  if (shown.size() > 126) std::abort();
  for (const char each : shown) {
    if (each < ' ' || each > '~') std::abort();
  }
  return 0;
}
