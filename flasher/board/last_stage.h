#pragma once
// The stages that take blocks, as a profile wants them.

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <memory>
#include <string>

#include "imaging/core/error.h"
#include "station-config/board_profile.h"
#include "transport/block/block_sink.h"
#include "transport/usb/byte_pipe.h"

namespace flashline::line {

using SharedSink = std::shared_ptr<transport::BlockSink>;

/// `name` is what the record calls the target; what the board digests is digested on `hash_on`, too.
/// Errors: those of FirehoseSink.
boost::asio::awaitable<Result<SharedSink>> open_firehose(std::unique_ptr<transport::BytePipe> pipe,
                                                         config::Storage storage, std::string name,
                                                         boost::asio::any_io_executor hash_on);
/// The same through fastboot. Errors: those of FastbootSink.
boost::asio::awaitable<Result<SharedSink>> open_fastboot(std::unique_ptr<transport::BytePipe> pipe,
                                                         config::Storage storage);
/// A disk that udev has not finished, or whose medium the kernel has not seen yet.
bool is_not_there_yet(const Error& error);

}  // namespace flashline::line
