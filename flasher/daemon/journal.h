#pragma once
// Log lines on standard error, in the form that journald sorts by priority when it is what reads them.

#include <map>
#include <string>

#include "flasher/slot/line_events.h"

namespace flashline::line {

/// Sets the process's logger up.
void open_journal();

/// Writes what happens on the line as log lines; each names its slot. Progress is not logged.
class LineJournal {
 public:
  void write(const LineEvent& event);

 private:
  void write_slot(const SlotView& slot);
  void write_batch(const BatchView& batch);
  std::map<std::string, std::string> slot_states_;
  std::string batch_state_;
};

}  // namespace flashline::line
