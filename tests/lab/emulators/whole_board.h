#pragma once
// Whole boards: the stages that a profile's board goes through, from its boot ROM to its storage, each played by its
// emulator. A new profile of a known protocol needs nothing here.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "imaging/core/error.h"
#include "station-config/board_profile.h"
#include "tests/lab/emulators/emulated_device.h"
#include "transport/usb/usb_facts.h"

namespace flashline::lab {

struct WholeBoardPlan {
  std::uint64_t capacity = 8ULL << 20U;     ///< of its storage, in bytes; whole sectors of 512
  std::string serial = "10000000deadbeef";  ///< of the board, in stages that have one
  std::uint32_t medium = 1;                 ///< serial number of its storage
  std::optional<std::byte> used{};          ///< it was used before: a sector of every MiB is full of these
};

struct WholeBoard {
  struct Stage {
    std::string name;            ///< that of the profile; a Pi shows its boot stage twice
    std::size_t of_profile = 0;  ///< which stage of the profile it is
    /// The stage as it is after power came. What is on the board's storage stays.
    std::function<std::shared_ptr<EmulatedDevice>()> enter;
  };
  std::vector<Stage> stages;
  std::function<Bytes()> storage;  ///< all that is on it now
};

/// A new board of the kind that `profile` describes, by the first ids of its stages.
/// Errors: config_no_board: no emulator plays one of its stages.
Result<WholeBoard> whole_board(const config::BoardProfile& profile, const WholeBoardPlan& plan = {});

/// Makes the boot files that `profile` names, such that boards of whole_board() take them.
/// Errors: config_no_board, config_board_file.
Status make_boot_files(const config::BoardProfile& profile);

}  // namespace flashline::lab
