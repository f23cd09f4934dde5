#pragma once
// Which dialect of NXP's serial download a chip speaks. Values, so that a board profile can bring a chip that is not
// in the table.

#include <cstdint>
#include <optional>
#include <string_view>

namespace flashline::transport {

enum class SdpKind : std::uint8_t {
  sdp,   ///< boot ROM with commands: registers, write file, jump
  sdps,  ///< boot ROM that takes one stream and runs it
  spl,   ///< U-Boot's first stage, which takes the second one by SDP's commands
};

struct SdpChip {
  std::string_view name = {};
  SdpKind kind = SdpKind::sdp;
  bool skip_dcd = false;       ///< sdp: has the command that keeps the DCD from being run twice
  std::uint32_t scratch = 0;   ///< sdp: where a DCD is put
  bool out_endpoint = false;   ///< data goes to interrupt OUT endpoint 1 in reports of 1020 bytes
  bool command_block = false;  ///< sdps: a download command goes before the data
  bool skips_spl =
      false;  ///< spl: wants the file from behind the part that the ROM took (SDPV), not from a fixed place
  std::uint8_t uid_string = 0;  ///< string descriptor that holds the chip's unique id; 0: none

  /// Bytes of a data report behind its id; the last one is padded to this.
  std::uint16_t report_size() const { return out_endpoint ? 1020 : 1024; }
};

/// The chip that enumerates with these ids, or nothing. `release` is bcdDevice.
std::optional<SdpChip> find_sdp_chip(std::uint16_t vendor, std::uint16_t product, std::uint16_t release);

}  // namespace flashline::transport
