#pragma once
// What the slots of a line share. Event thread only.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "flasher/record/record_thread.h"
#include "flasher/slot/detail/batch_work.h"
#include "flasher/slot/line.h"

namespace flashline::line::detail {

class SlotRunner;

struct LineCore {
  LineCore(LineOptions given, BoardWriter& boards, RecordThread& thread);
  ~LineCore();

  LineOptions options;
  BoardWriter& writer;
  RecordThread& records;
  std::shared_ptr<BatchWork> work;  ///< of the open batch; null: none, or its files could not be opened
  std::optional<BatchView> view;    ///< of the open or the last batch
  std::vector<std::string> warnings;
  std::map<std::uint64_t, Line::Observer> observers;
  std::uint64_t next_observer = 1;
  bool stopping = false;
  std::vector<std::unique_ptr<SlotRunner>> slots;  ///< made once, in the station's order

  void emit(const LineEvent& event);
  /// Remembers the batch as it now stands, tells everybody and lets waiting slots look again.
  void show(BatchView batch);
  void warn(std::string text);
  bool batch_runs() const { return work && view && view->row.state == BatchState::running; }
  bool batch_paused() const { return view && view->row.state == BatchState::paused; }
  SlotRunner* find(std::string_view slot) const;
  /// What the station notes about a slot by itself.
  StationNote note_of(std::string slot, std::string text) const;
  std::string now() const { return to_iso8601(options.clock()); }
};

}  // namespace flashline::line::detail
