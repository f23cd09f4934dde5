#pragma once
// One stage of an NXP board's way up: from a chip that listens to one that left its port to run what it was given.

#include <cstdint>
#include <span>
#include <string>

#include "imaging/core/error.h"
#include "transport/sdp/sdp_chip.h"
#include "transport/sdp/sdp_reports.h"

namespace flashline::transport {

struct SdpOutcome {
  bool closed = false;     ///< the chip runs signed images only; sdps chips do not tell
  std::string uid{};       ///< the chip's unique id, where its ROM shows one
  std::uint64_t sent = 0;  ///< bytes of the boot image
};

/// Gives `image` (the vendor's flash.bin, u-boot.imx ...) to the chip behind `pipe` and has it run. `pipe` and `image`
/// outlive the call. The image is judged before the first byte is sent. The next stage is another device on the port.
/// Errors: sdp_image, sdp_closed, sdp_refused, sdp_reply, usb_no_interface and those of the pipe.
asio::awaitable<Result<SdpOutcome>> boot_sdp(BytePipe& pipe, SdpChip chip, std::span<const std::byte> image,
                                             SdpOptions options = {});

}  // namespace flashline::transport
