#pragma once
// What the records say when a station starts, and what has to be cleared up.

#include <optional>
#include <vector>

#include "flasher/record/store.h"
#include "imaging/core/error.h"
#include "station-config/station.h"

namespace flashline::line::detail {

struct Recovered {
  std::optional<BatchRow> batch;  ///< running or paused
  std::optional<BatchRow> last;   ///< the newest of all
  std::vector<UnitRow> kept;      ///< reserved units of that batch, one a slot at most; they go on
  std::size_t interrupted = 0;    ///< attempts without an end that were found
};

/// Ends open attempts as interrupted. Reserved units whose batch is over or whose slot is gone are voided.
Result<Recovered> recover(Store& store, const config::Station& station);

}  // namespace flashline::line::detail
