#pragma once
// A plain disk image in a file: its data and its holes.

#include <vector>

#include "imaging/source/disk_plan.h"

namespace flashline::imaging {

/// The plan of a disk image and what its table says.
struct PlannedDisk {
  BlockPlan plan;
  PartitionTable table;
};

/// Data extents of the file (SEEK_HOLE), rounded outwards to 4096 bytes and joined. A file system that knows no holes
/// gives one extent. Errors: image_read.
Result<std::vector<Extent>> data_extents(int fd, ByteCount size);

/// Reads the table of the disk image in `fd` and plans its `extents` (ascending, joined, inside of `size`). An image
/// that ends inside a sector is padded with zeros, with a warning. Errors: truncated, gpt_damaged, image_read.
Result<PlannedDisk> plan_file(int fd, ByteCount size, const std::vector<Extent>& extents);

}  // namespace flashline::imaging
