#pragma once
// Waits for a batch, telling each unit as it is finished.

#include <cstdint>

#include "flasher/cli/console.h"
#include "flasher/cli/station_link.h"
#include "imaging/core/error.h"

namespace flashline::line {

/// One line a finished unit (a record under --json); the last line is "N passed, M failed", M being voided units.
/// Survives a restart of the station. Gives 0 when all units passed, else 1. Errors: station_unreachable when the
/// station stays away for a minute.
Result<int> wait_for_batch(const StationLink& link, std::int64_t batch, Console& console);

}  // namespace flashline::line
