#pragma once
// Writes a list of runs with several operations in flight, and keeps the order where runs overlap.

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <vector>

#include "flasher/engine/detail/store_device.h"
#include "imaging/source/block_plan.h"

namespace flashline::line::detail {

struct WriteOrder {
  bool table = false;  ///< strictly one after another
  bool must = false;   ///< also when the run was cancelled: it undoes what must not stay
};

/// Writes `runs`, which outlive the device's lanes as part of its plan or of `keep`. Does not flush.
asio::awaitable<Status> write_all(std::shared_ptr<StoreDevice> device, const std::vector<imaging::Run>& runs,
                                  WriteOrder order, std::shared_ptr<void> keep = nullptr);

}  // namespace flashline::line::detail
