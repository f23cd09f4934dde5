#include "transport/usb/device_folder.h"

#include <fstream>
#include <iterator>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/errors/usb.h"
#include "transport/block/detail/block_devices.h"
#include "transport/discovery/usb_ports.h"
#include "transport/usb/descriptors.h"

namespace flashline::transport {
namespace {

namespace fs = std::filesystem;
using detail::first_line;
constexpr std::size_t device_descriptor = 18;

std::vector<std::byte> bytes_of(const fs::path& file) {
  std::ifstream in{file, std::ios::binary};
  const std::string text{std::istreambuf_iterator<char>{in}, {}};
  const auto bytes = std::as_bytes(std::span{text});
  return {bytes.begin(), bytes.end()};
}

UsbSpeed speed_of(const std::string& megabits) {
  if (megabits == "1.5") return UsbSpeed::low;
  if (megabits == "12") return UsbSpeed::full;
  if (megabits == "480") return UsbSpeed::high;
  if (megabits == "5000") return UsbSpeed::super;
  return megabits.size() > 4 ? UsbSpeed::super_plus : UsbSpeed::unknown;
}

}  // namespace

Result<UsbFacts> read_device_folder(const fs::path& folder, const Machine& machine) {
  const auto bytes = bytes_of(folder / "descriptors");
  auto port = port_of_usb_device(folder, machine);
  if (bytes.empty() || !port) {
    return fail(errc::usb_gone, fmt::format("{} left before it was looked at", folder.filename().string()));
  }
  FL_TRY(UsbFacts facts, read_device_descriptor(bytes));
  if (bytes.size() > device_descriptor) {
    FL_TRY(facts.interfaces, read_configuration(std::span{bytes}.subspan(device_descriptor)));
  }
  facts.port = std::move(*port);
  facts.speed = speed_of(first_line(folder / "speed"));
  facts.manufacturer = shown_string(first_line(folder / "manufacturer"));
  facts.product_name = shown_string(first_line(folder / "product"));
  facts.serial = shown_string(first_line(folder / "serial"));
  return facts;
}

}  // namespace flashline::transport
