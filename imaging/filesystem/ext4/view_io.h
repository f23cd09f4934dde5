#pragma once
// libext2fs reads and writes blocks through an "I/O manager"; this one does so in a view.

#include <cstdint>

#include "imaging/core/block_view.h"
#include "imaging/core/error.h"

struct struct_io_manager;  // libext2fs

namespace flashline::imaging::ext4 {

/// Where a file system's blocks go, and what went wrong there: libext2fs hands on a number only. Outlives the file
/// system that is opened through it.
struct ViewIo {
  WritableBlockView& view;
  Status failure{};
};

/// The manager with which the next file system that this thread opens lies in `io`. Single blocks are kept in a small
/// cache until the channel is flushed: tables are written entry by entry.
struct_io_manager* manager_for(ViewIo& io);

}  // namespace flashline::imaging::ext4
