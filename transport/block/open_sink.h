#pragma once
// Opens a block device or a file for writing, as the only one, past the page cache.

#include <boost/asio/awaitable.hpp>
#include <filesystem>
#include <memory>

#include "imaging/core/error.h"
#include "transport/block/block_sink.h"
#include "transport/block/inspect_target.h"
#include "transport/block/io_ring.h"
#include "transport/discovery/port_path.h"

namespace flashline::transport {

/// Opens what inspect_target() found, on a thread. The device is owned (O_EXCL) and locked (flock, so that udev keeps
/// off), and what could have changed since is compared again on the open descriptor: number, size, sector size, disk
/// sequence, place in /sys; of a file its inode. A missing file is created, sparse.
/// `ring` outlives the sink. Errors: target_open, target_in_use, target_read_only, target_changed, target_no_medium.
asio::awaitable<Result<std::unique_ptr<BlockSink>>> open_sink(IoRing& ring, InspectedTarget target,
                                                              Machine machine = {});

/// inspect_target() and open_sink() in one, off the event thread. Errors: those of both.
asio::awaitable<Result<std::unique_ptr<BlockSink>>> open_target(IoRing& ring, std::filesystem::path target,
                                                                TargetNeeds needs, Machine machine = {});

/// The disk that is on `port` at this moment, off the event thread; what is opened is compared with it once more.
/// Errors: those of inspect_port() and open_sink().
asio::awaitable<Result<std::unique_ptr<BlockSink>>> open_port(IoRing& ring, PortPath port, TargetNeeds needs,
                                                              Machine machine = {});

}  // namespace flashline::transport
