#include "flasher/learn/learn_desk.h"

#include <algorithm>
#include <array>
#include <spdlog/fmt/fmt.h>

#include "flasher/learn/slot_edit.h"
#include "imaging/core/errors/config.h"
#include "imaging/core/errors/station.h"
#include "station-config/station.h"

namespace flashline::line {
namespace {

std::unexpected<Error> closed(std::string_view why) { return fail(errc::learn_closed, std::string{why}); }

}  // namespace

std::string_view name_of(LearnState state) {
  constexpr std::array<std::string_view, 4> names{"idle", "asking", "ready", "written"};
  return names.at(static_cast<std::size_t>(state));
}

LearnState LearnDesk::state() const {
  if (!work_) return LearnState::idle;
  if (work_->written) return LearnState::written;
  return work_->wizard.done() ? LearnState::ready : LearnState::asking;
}

Result<LearnView> LearnDesk::start(const LearnOrder& order) {
  FL_TRY(LearnPlan plan, plan_learning(file_, order));
  LearnWizard wizard{plan.slots, plan.taken};
  const std::lock_guard lock{mutex_};
  work_.emplace(Work{std::move(plan), std::move(wizard), watch_ports(machine_), std::chrono::steady_clock::now()});
  return view();
}

LearnView LearnDesk::look() {
  const std::lock_guard lock{mutex_};
  const auto now = std::chrono::steady_clock::now();
  if (state() != LearnState::asking || now - work_->looked < pace_) return view();
  work_->looked = now;
  for (const transport::UsbPort& port : work_->source->arrived()) {
    if (std::string said = work_->wizard.arrived(port); !said.empty()) work_->said = std::move(said);
  }
  return view();
}

Result<LearnView> LearnDesk::skip() {
  const std::lock_guard lock{mutex_};
  if (state() != LearnState::asking) return closed("no slot is asked for");
  work_->wizard.skip();
  work_->said.clear();
  return view();
}

Result<LearnView> LearnDesk::back() {
  const std::lock_guard lock{mutex_};
  if (state() != LearnState::asking && state() != LearnState::ready) return closed("no slot is asked for");
  work_->wizard.back();
  work_->said.clear();
  return view();
}

LearnView LearnDesk::cancel() {
  const std::lock_guard lock{mutex_};
  work_.reset();
  return view();
}

Result<LearnView> LearnDesk::write() {
  const std::lock_guard lock{mutex_};
  if (state() != LearnState::ready) return closed("not all slots were asked for");
  if (work_->wizard.learned().empty()) return fail(errc::config_nothing_learned, "no slot was given a port");
  FL_TRY(std::string after, text());
  FL_CHECK(replace_file(file_, work_->plan.xml, after));
  work_->written = std::move(after);
  return view();
}

bool LearnDesk::busy() const {
  const std::lock_guard lock{mutex_};
  return state() == LearnState::asking || state() == LearnState::ready;
}

Result<std::optional<std::string>> LearnDesk::sheet() const {
  const std::lock_guard lock{mutex_};
  if (!work_) return std::nullopt;
  FL_TRY(const std::string xml, text());
  FL_TRY(const config::Station station, config::parse_station(xml, file_));
  return slot_sheet(station.name, labels_of(station));
}

/// Of station.xml, with what was learned so far.
Result<std::string> LearnDesk::text() const {
  if (work_->written) return *work_->written;
  return with_ports(work_->plan.xml, file_, work_->wizard.learned());
}

LearnView LearnDesk::view() const {
  LearnView view{.state = state()};
  if (!work_) return view;
  const bool asking = view.state == LearnState::asking;
  if (asking) view.prompt = work_->wizard.prompt();
  view.said = work_->said;
  for (const SlotToLearn& slot : work_->plan.slots) {
    view.slots.push_back({.name = slot.name, .row = slot.row, .column = slot.column, .board = slot.board, .port = {}});
  }
  for (const LearnedSlot& learned : work_->wizard.learned()) {
    const auto row = std::ranges::find(view.slots, learned.slot.name, &LearnView::Slot::name);
    if (row != view.slots.end()) row->port = to_text(learned.port);
  }
  if (asking) view.slots.at(work_->wizard.at()).asked = true;
  return view;
}

}  // namespace flashline::line
