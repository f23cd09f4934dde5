#pragma once
// Which Raspberry Pi is on the wire, how far it is, and where it wants its bytes. Sources: the public host tool, field
// logs. What a descriptor says is compared with what is known, never followed.

#include <cstdint>
#include <string_view>

#include "imaging/core/error.h"
#include "transport/usb/usb_facts.h"

namespace flashline::transport {

/// A processor family as its boot ROM tells it.
struct PiChip {
  std::uint16_t product;          ///< of vendor 0a5c
  std::string_view name;          ///< "BCM2711"
  std::string_view second_stage;  ///< file name of what the ROM wants
  std::string_view folder;        ///< where a bundle keeps this chip's files: "2711"
  bool signature;                 ///< signed boot sends 20 bytes beside the second stage; later chips sign the file
};

/// nullptr: no boot stage of a Pi.
const PiChip* find_pi_chip(const UsbFacts& device);

/// Both stages show the same ids. The index of the serial string tells them apart, not the string.
enum class PiStage : std::uint8_t { rom, file_server };
PiStage pi_stage_of(const UsbFacts& device);

/// The interface to claim and the endpoint that takes bytes.
struct PiLink {
  std::uint8_t interface = 0;
  std::uint8_t out = 0x01;
};
/// By the number of interfaces: boards with two have a disk in the first one. Errors: rpi_interfaces.
Result<PiLink> pi_link_of(const UsbFacts& device);

/// Whether the board on a port may be spoken to: it is of the slot's chip, and did not fall back into its ROM more
/// often than `rom_returns` allows. `returns`: how often this unit showed its ROM after the second stage was taken.
/// Errors: rpi_not_known, rpi_other_board, rpi_boot_loop.
Status check_pi(const UsbFacts& device, const PiChip& expected, unsigned returns = 0);

}  // namespace flashline::transport
