#pragma once
// One board from the first wipe to the last read-back, all its stores.

#include <boost/asio/awaitable.hpp>
#include <memory>

#include "flasher/engine/detail/store_device.h"
#include "flasher/engine/run.h"

namespace flashline::line::detail {

/// Everything about the request that can be refused without touching a target, and the plan of each store, in the order
/// of the request's targets: resolved, fitted, with its overlay. Blocks while it reads the image's GPT for a fit.
Result<std::vector<imaging::BlockPlan>> plans_of(const RunRequest& request);

/// Does it. `context` outlives the run and what it may leave behind. Event thread.
asio::awaitable<RunReport> run_board(RunContext context, RunRequest request);

}  // namespace flashline::line::detail
