#pragma once
// One board from the first wipe to the last read-back, all its stores.

#include <boost/asio/awaitable.hpp>
#include <memory>

#include "flasher/engine/detail/store_device.h"
#include "flasher/engine/run.h"

namespace flashline::line::detail {

/// Does it. `context` outlives the run and what it may leave behind. Event thread.
asio::awaitable<RunReport> run_board(RunContext context, RunRequest request);

}  // namespace flashline::line::detail
