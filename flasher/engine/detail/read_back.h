#pragma once
// Reads a medium and says where it is not what it has to be.

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <vector>

#include "flasher/engine/detail/store_device.h"
#include "imaging/source/block_plan.h"

namespace flashline::line::detail {

struct Differences {
  std::vector<imaging::Run> runs;  ///< ascending; each is at most one granule
  bool all = true;                 ///< false: there were more than asked for, the rest was not looked at
};

/// Compares what `runs` (ascending) put on the medium, past all caches of this host. Stops after `most` differences.
/// Counts what is right in the device's report and progress, unless it is only `looking` at holes.
asio::awaitable<Result<Differences>> read_back(std::shared_ptr<StoreDevice> device, std::vector<imaging::Run> runs,
                                               std::size_t most, bool looking = false);

}  // namespace flashline::line::detail
