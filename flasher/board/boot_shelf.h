#pragma once
// What the boards of a profile are given on their way up, read once at start-up and shared by all slots.

#include <cstddef>
#include <memory>
#include <vector>

#include "imaging/core/error.h"
#include "station-config/board_profile.h"
#include "transport/rpiboot/boot_files.h"

namespace flashline::line {

/// What one stage needs. Which of the two it has follows from its protocol.
struct StageFiles {
  transport::BootFiles served{};                          ///< rpiboot
  std::shared_ptr<const std::vector<std::byte>> image{};  ///< sdp, sdps, sahara
};

/// The files of each stage, in the order of the profile's stages; their digests are checked. Blocks.
/// Errors: config_board_file, rpi_boot_files, rpi_bundle, rpi_bundle_name.
Result<std::vector<StageFiles>> load_stage_files(const config::BoardProfile& board);

}  // namespace flashline::line
