#pragma once
// How a plain disk image becomes a plan that keeps the board unbootable until it is done.

#include <cstdint>
#include <vector>

#include "imaging/source/block_plan.h"
#include "imaging/source/partition_table.h"

namespace flashline::imaging {

/// The area at either end of a disk that is written last, because tables lie there.
inline constexpr std::uint64_t table_area = 128_KiB;

/// A disk image as stretches of its source.
struct DiskImage {
  ByteCount size{};         ///< of the disk, a multiple of the sector size
  std::vector<Run> data{};  ///< from the beginning, ascending, without overlap, inside of `size`; the rest are holes
  std::vector<std::vector<std::byte>> blobs{};
};

/// initial_table: zeros over the last 128 KiB of the target and of the image, then over the first 128 KiB (the backup
/// goes first: as long as the primary is there nobody "repairs" it from the backup). data: what lies between.
/// final_table: the first 128 KiB of the image, then its last 128 KiB, whole, so that nothing that shares a block with
/// a table is lost. MBR images, and those without a table, have the same phases; without one the target's end is left
/// alone.
BlockPlan plan_disk(DiskImage image, const PartitionTable& table);

}  // namespace flashline::imaging
