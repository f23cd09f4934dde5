#pragma once
// Runs in, operations out: each small enough for one buffer.

#include <cstdint>
#include <optional>
#include <vector>

#include "flasher/engine/detail/content_map.h"
#include "imaging/source/block_plan.h"

namespace flashline::line::detail {

/// Cuts runs one by one, in order, so that a plan of any size costs no memory.
class RunCutter {
 public:
  /// What an operation may cover at most.
  struct Limits {
    bool granules;         ///< content is cut at the borders of granules, else of cells
    std::uint64_t memory;  ///< bytes of a blob
    std::uint64_t zeros;   ///< bytes of zeros
  };

  /// `runs` are resolved and outlive the cutter, as `map` does.
  RunCutter(const std::vector<imaging::Run>& runs, const ContentMap& map, Limits limits)
      : runs_{&runs}, map_{&map}, limits_{limits} {}

  std::optional<imaging::Run> next();

 private:
  std::uint64_t most(const imaging::Run& run) const;

  const std::vector<imaging::Run>* runs_;
  const ContentMap* map_;
  Limits limits_;
  std::size_t run_ = 0;
  std::uint64_t done_ = 0;  // bytes of that run
};

}  // namespace flashline::line::detail
