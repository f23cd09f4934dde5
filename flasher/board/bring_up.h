#pragma once
// One board from whatever stage it is in to storage that blocks can be written to. The port is the board's name; ids
// only say how far it is.

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "flasher/board/boot_shelf.h"
#include "imaging/core/error.h"
#include "station-config/board_profile.h"
#include "transport/block/block_sink.h"
#include "transport/rpiboot/rpiboot_times.h"
#include "transport/usb/usb_host.h"

namespace flashline::line {

namespace asio = boost::asio;

/// What a way up needs of the station. All of it outlives the call.
struct BringUpTools {
  transport::UsbHost& usb;
  /// The disk that is on this port, once udev is done with it; fails at once where there is none yet.
  std::function<asio::awaitable<Result<std::unique_ptr<transport::BlockSink>>>(transport::PortPath)> open_disk;
  /// Takes the port's power away and gives it back. Empty: the hub cannot.
  std::function<asio::awaitable<Status>(transport::PortPath, std::chrono::milliseconds off)> power_cycle{};
  /// Threads for what takes the processor long. Empty: usb.executor().
  asio::any_io_executor blocking{};
  /// What the unit's log shall tell. May be empty.
  std::function<void(std::string)> note{};
};

struct BringUpOptions {
  std::chrono::milliseconds look_again{200};  ///< where no event tells that a disk is ready
  transport::RpibootTimes rpiboot{};
};

struct RaisedBoard {
  std::shared_ptr<transport::BlockSink> sink{};
  std::string board_serial{};  ///< what the board calls itself; empty: it does not
};

/// Walks the stages of `board` on `port`. A board that is in a later stage already goes on from there. Nothing is
/// written to its storage. A stage that fails by the wire's fault is begun again after a reset of the port, and then
/// after the port lost its power, where it can; a file or an answer that the board does not like is final. A board that
/// leaves and stays away fails with what it did last.
/// Errors: board_absent, board_other, board_loop, board_stage_time, those of the protocols and of `open_disk`.
asio::awaitable<Result<RaisedBoard>> bring_up(BringUpTools tools, const config::BoardProfile& board,
                                              const std::vector<StageFiles>& files, transport::PortPath port,
                                              BringUpOptions options = {});

}  // namespace flashline::line
