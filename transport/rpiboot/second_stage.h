#pragma once
// The boot ROM's stage: it wants one program, looks at it, and says whether it takes it.

#include <boost/asio/awaitable.hpp>
#include <cstddef>
#include <memory>
#include <vector>

#include "imaging/core/error.h"
#include "transport/rpiboot/boot_files.h"
#include "transport/rpiboot/pi_chip.h"
#include "transport/rpiboot/rpiboot_times.h"
#include "transport/usb/byte_pipe.h"

namespace flashline::transport {

struct SecondStage {
  BootFiles::Content code;
  std::vector<std::byte> signature{};  ///< 20 bytes for signed boot up to BCM2837, else none
};

/// The second stage of `chip` out of `files`; with `signed_boot` its signature, too (bootcode.sig), where the chip has
/// one of its own. Errors: rpi_second_stage_file.
Result<SecondStage> second_stage_of(const PiChip& chip, const BootFiles& files, bool signed_boot = false);

/// Sends it to the ROM behind `pipe` and reads what the ROM says. Afterwards the board leaves and comes back as a file
/// server. A ROM cannot be interrupted: after usb_timeout, usb_link or usb_stall only taking its power helps.
/// Errors: rpi_not_known, rpi_wrong_stage, rpi_interfaces, rpi_second_stage_refused, rpi_answer, those of BytePipe.
asio::awaitable<Status> send_second_stage(BytePipe& pipe, SecondStage stage, RpibootTimes times = {});

}  // namespace flashline::transport
