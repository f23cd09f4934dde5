#pragma once
// Where two disks differ, sorted by the partitions of the first.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "imaging/core/block_view.h"
#include "imaging/source/image.h"

namespace flashline::line {

/// Differing stretches of one partition, or of what lies outside of all.
struct AreaDifference {
  static constexpr std::size_t most_ranges = 10'000;

  std::size_t partition = 0;  ///< number from 1 in the first image's table; 0: outside of all
  std::string name;
  std::vector<imaging::Extent>
      ranges;  ///< ascending; only the first most_ranges are kept, `bytes` and `count` are of all
  std::uint64_t count = 0;
  std::uint64_t bytes = 0;
};

/// Granularity of the comparison in bytes.
constexpr std::uint64_t compared_block = 4096;

/// Compares `a` and `b` inside of `stretches` (ascending, without overlap; elsewhere they are known to be equal).
/// Only areas that differ are given. `progress` is told how many bytes were compared. Errors: those of the views.
Result<std::vector<AreaDifference>> compare_disks(BlockView& a, BlockView& b,
                                                  const std::vector<imaging::Extent>& stretches,
                                                  const std::vector<imaging::PartitionFact>& partitions,
                                                  const std::function<void(ByteCount)>& progress);

/// The stretches of [0, size) that either plan writes, in whole compared blocks. Both plans are resolved.
std::vector<imaging::Extent> written_stretches(const imaging::BlockPlan& a, const imaging::BlockPlan& b,
                                               ByteCount size);

}  // namespace flashline::line
