#pragma once
// The slots of a station whose boards come up over USB: what they are given on their way, and the machine's ports.

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/thread_pool.hpp>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "flasher/board/boot_shelf.h"
#include "imaging/core/error.h"
#include "station-config/station.h"
#include "transport/block/block_sink.h"
#include "transport/block/inspect_target.h"
#include "transport/usb/usb_host.h"

namespace flashline::line {

namespace asio = boost::asio;

class UsbBoards {
 public:
  /// Opens a disk that a board shows at the end of its way.
  using OpenDisk = std::function<asio::awaitable<Result<std::unique_ptr<transport::BlockSink>>>(
      transport::PortPath, transport::TargetNeeds)>;

  struct Parts {
    std::unique_ptr<transport::UsbHost> usb;
    asio::any_io_executor blocking;
    OpenDisk open_disk;
    transport::Machine machine{};
  };

  /// Whether a slot of the station needs it at all.
  static bool needed(const config::Station& station);
  /// Reads the files of every profile that a slot names. Blocks. Errors: those of load_stage_files(): a file that is
  /// not there is said now and not at the first board.
  static Result<std::unique_ptr<UsbBoards>> create(const config::Station& station, Parts parts);

  /// The slot's board has stages before its storage.
  bool knows(const config::Slot& slot) const { return knows(slot.name); }
  bool knows(std::string_view slot) const;
  /// Something on a slot's port went (`left`) or came, stages of a way up among it. Called on the host's executor.
  using SlotListener = std::function<void(const std::string& slot, bool left)>;
  /// Until the boards are destroyed. Replaces who listened before.
  void listen(SlotListener listener);
  /// Something is on the slot's port.
  bool present(const config::Slot& slot) const;
  /// Brings up what is on the slot's port. Errors: those of bring_up().
  asio::awaitable<Result<std::shared_ptr<transport::BlockSink>>> raise(config::Slot slot, transport::TargetNeeds needs);

 private:
  struct Bay {
    transport::PortPath port;
    const config::BoardProfile* board;
    std::shared_ptr<const std::vector<StageFiles>> files;
  };

  explicit UsbBoards(Parts parts) : parts_{std::move(parts)}, power_{switches} {}
  asio::awaitable<Status> power_cycle(transport::PortPath port, std::chrono::milliseconds off);

  static constexpr std::size_t switches = 4;  ///< ports whose power is switched at once

  Parts parts_;
  std::map<std::string, Bay, std::less<>> bays_;  // by the slot's name
  SlotListener listener_;
  std::shared_ptr<void> listening_;
  /// A hub can hold who switches a port for minutes: nobody else's board may wait for that.
  asio::thread_pool power_;
};

}  // namespace flashline::line
