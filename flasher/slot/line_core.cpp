#include "flasher/slot/detail/line_core.h"

#include <algorithm>
#include <spdlog/spdlog.h>
#include <utility>

#include "flasher/slot/detail/slot_runner.h"

namespace flashline::line::detail {

LineCore::LineCore(LineOptions given, BoardWriter& boards, RecordThread& thread)
    : options{std::move(given)}, writer{boards}, records{thread}, warnings{options.station.warnings} {
  for (const auto& slot : options.station.slots) slots.push_back(std::make_unique<SlotRunner>(*this, slot));
}

LineCore::~LineCore() = default;

void LineCore::emit(const LineEvent& event) {
  const auto told = observers;  // an observer may forget itself
  for (const auto& [number, observer] : told) observer(event);
}

void LineCore::show(BatchView batch) {
  const bool over = batch.row.state == BatchState::closed || batch.row.state == BatchState::done;
  if (view && view->row.id > batch.row.id) return;  // the end of a unit of an earlier batch
  if (over && work && work->row.id == batch.row.id) {
    work->open = false;
    work.reset();
  }
  view = std::move(batch);
  emit(BatchChanged{*view});
  for (const auto& slot : slots) slot->batch_changed();
}

void LineCore::warn(std::string text) {
  spdlog::warn("{}", text);
  warnings.push_back(std::move(text));
}

StationNote LineCore::note_of(std::string slot, std::string text) const {
  return {options.station.name, options.version, std::string{config::to_word(options.station.mode)},
          std::move(slot),      std::string{},   std::move(text)};
}

SlotRunner* LineCore::find(std::string_view name) const {
  const auto found = std::ranges::find_if(slots, [&](const auto& slot) { return slot->slot().name == name; });
  return found == slots.end() ? nullptr : found->get();
}

}  // namespace flashline::line::detail
