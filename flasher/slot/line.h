#pragma once
// The slots of a station at work on a batch: one coroutine a slot, identities and records on a thread of their own.

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "flasher/record/record_thread.h"
#include "flasher/record/rows.h"
#include "flasher/slot/board_writer.h"
#include "flasher/slot/line_events.h"
#include "imaging/core/error.h"
#include "station-config/station.h"

namespace flashline::line {

/// A batch as it is asked for. Paths are absolute or relative to the station's images folder (image) and to the working
/// folder (the others).
struct WorkOrder {
  std::string name;
  std::string operator_name;
  std::filesystem::path image;
  std::filesystem::path recipe;     ///< empty: every board gets the image as it is
  std::filesystem::path units_csv;  ///< empty: the recipe's counters
  std::optional<std::uint64_t> quantity;
};

struct LineOptions {
  config::Station station;
  std::string version;  ///< of Flashline, for the records
  Clock clock = [] { return std::chrono::system_clock::now(); };
  /// How often a waiting slot looks whether its board is still there; slots on ports are woken by port_changed()
  /// instead.
  std::chrono::milliseconds look_every{1000};
};

/// Everything runs and is called on writer.executor(), but for the constructor and the destructor, which need it to be
/// idle or stop() to have finished. `writer` and `records` outlive the line.
class Line {
 public:
  Line(LineOptions options, BoardWriter& writer, RecordThread& records);
  ~Line();

  /// Clears up after a crash (open attempts become interrupted), takes the open batch up again and starts the slots.
  asio::awaitable<Status> start();
  /// Parks the slots: attempts stop between two operations and are recorded as interrupted. Their units go on, on the
  /// same boards, after the next start().
  asio::awaitable<void> stop();

  std::vector<SlotView> slots() const;
  std::optional<SlotView> slot(std::string_view name) const;
  /// The batch in work, or the last one.
  std::optional<BatchView> batch() const;
  /// What somebody should look at, in words.
  std::vector<std::string> warnings() const;

  /// Checks image, recipe and unit list, records the batch and begins.
  /// Errors: batch_open, identity_used, whatever is wrong with the files.
  asio::awaitable<Result<BatchView>> create_batch(WorkOrder order);
  /// No further unit is begun; those in work are finished. Errors: no_such_batch, batch_state.
  asio::awaitable<Result<BatchView>> pause_batch(std::int64_t id, std::string reason);
  asio::awaitable<Result<BatchView>> resume_batch(std::int64_t id);
  /// The same, for good: units that wait for another attempt are voided.
  asio::awaitable<Result<BatchView>> close_batch(std::int64_t id, std::string reason);

  /// The same board again after a failure. Errors: no_such_slot, slot_busy (not failed).
  asio::awaitable<Result<SlotView>> retry(std::string slot, std::string operator_name);
  /// Another board is in. Errors: no_such_slot, slot_busy (still working, or nothing was finished).
  asio::awaitable<Result<SlotView>> next(std::string slot, std::string operator_name);

  /// A quarantined slot was looked at and takes boards again. Errors: no_such_slot, slot_busy (not quarantined).
  asio::awaitable<Result<SlotView>> release(std::string slot, std::string operator_name);

  /// Something happened on a slot's port: it is looked at now. `left`: what was in it is gone, whatever is there now.
  /// While a board is brought up that is its own doing.
  void port_changed(const std::string& slot, bool left);

  /// Called on the executor with everything that happens, progress not more than five times a second and slot. The
  /// number it returns is for forget().
  using Observer = std::function<void(const LineEvent&)>;
  std::uint64_t observe(Observer observer);
  void forget(std::uint64_t observer);

 private:
  struct Core;
  std::shared_ptr<Core> core_;
};

}  // namespace flashline::line
