#include "transport/rpiboot/pi_chip.h"

#include <algorithm>
#include <array>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/errors/rpiboot.h"

namespace flashline::transport {
namespace {

constexpr std::uint16_t broadcom = 0x0a5c;
constexpr std::array<PiChip, 4> chips{{{0x2763, "BCM2835", "bootcode.bin", "2710", true},
                                       {0x2764, "BCM2837", "bootcode.bin", "2710", true},
                                       {0x2711, "BCM2711", "bootcode4.bin", "2711", false},
                                       {0x2712, "BCM2712", "bootcode5.bin", "2712", false}}};
constexpr unsigned most_returns = 1;

}  // namespace

const PiChip* find_pi_chip(const UsbFacts& device) {
  if (device.vendor != broadcom) return nullptr;
  const auto* const found = std::ranges::find(chips, device.product, &PiChip::product);
  return found == chips.end() ? nullptr : found;
}

PiStage pi_stage_of(const UsbFacts& device) {
  return device.serial_index == 0 || device.serial_index == 3 ? PiStage::rom : PiStage::file_server;
}

Result<PiLink> pi_link_of(const UsbFacts& device) {
  switch (device.interfaces.size()) {
    case 1:
      return PiLink{.interface = 0, .out = 0x01};
    case 2:
      return PiLink{.interface = 1, .out = 0x03};
    default:
      break;
  }
  return fail(errc::rpi_interfaces,
              fmt::format("{} shows {} interfaces, one or two are known", id_text(device), device.interfaces.size()));
}

Status check_pi(const UsbFacts& device, const PiChip& expected, unsigned returns) {
  const PiChip* const chip = find_pi_chip(device);
  if (chip == nullptr) return fail(errc::rpi_not_known, fmt::format("{} is no boot stage of a Pi", id_text(device)));
  if (chip->product != expected.product) {
    return fail(errc::rpi_other_board,
                fmt::format("{} is a {}, the slot is for a {}", id_text(device), chip->name, expected.name));
  }
  if (pi_stage_of(device) == PiStage::rom && returns > most_returns) {
    return fail(errc::rpi_boot_loop, fmt::format("the board is in its boot ROM for the {}. time", returns + 1));
  }
  return {};
}

}  // namespace flashline::transport
