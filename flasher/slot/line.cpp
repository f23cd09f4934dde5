#include "flasher/slot/line.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <exception>
#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>
#include <utility>

#include "flasher/slot/detail/batch_work.h"
#include "flasher/slot/detail/line_core.h"
#include "flasher/slot/detail/recovery.h"
#include "flasher/slot/detail/slot_runner.h"
#include "imaging/core/errors/record.h"
#include "imaging/core/errors/unit.h"

namespace flashline::line {
namespace {

using detail::BatchWork;
using detail::LineCore;
using detail::Recovered;
using detail::SlotRunner;

RecordAppended appended(const Record& record) {
  RecordAppended event{record.seq, record.at, std::string{name_of(record.kind)}, 0, {}};
  if (const auto* batch = std::get_if<BatchRow>(&record.row)) event.batch = batch->id;
  if (const auto* unit = std::get_if<UnitRow>(&record.row)) {
    event.batch = unit->batch;
    event.serial = unit->serial;
  } else if (const auto* attempt = std::get_if<AttemptRow>(&record.row)) {
    event.batch = attempt->batch;
    event.serial = attempt->serial;
  }
  return event;
}

asio::awaitable<Result<std::filesystem::path>> keep_on_thread(std::filesystem::path csv, std::filesystem::path state) {
  co_return detail::keep_unit_list(csv, state);
}

/// A unit list as the station keeps it, and the batch's row so far.
BatchRow row_of(const WorkOrder& order, const LineOptions& options) {
  BatchRow row;
  row.name = order.name;
  row.operator_name = order.operator_name;
  row.station = options.station.name;
  row.version = options.version;
  row.mode = config::to_word(options.station.mode);
  row.image = (options.station.paths.images / order.image).lexically_normal().string();
  if (!order.recipe.empty()) row.recipe = std::filesystem::absolute(order.recipe).string();
  row.quantity = order.quantity;
  return row;
}

Result<BatchView> view_of(Store& store, std::int64_t id, const IdentitySource* source) {
  FL_TRY(const auto row, store.read().batch(id));
  if (!row) return fail(errc::no_such_batch, fmt::format("batch {}", id));
  return view_batch(store.read(), *row, source == nullptr ? std::nullopt : source->size());
}

}  // namespace

struct Line::Core : LineCore, std::enable_shared_from_this<Core> {
  using LineCore::LineCore;

  std::size_t running = 0;  ///< slot coroutines
  std::optional<asio::steady_timer> all_ended;

  StationNote note(std::string slot, std::string operator_name, std::string text) const {
    return {options.station.name, options.version,          std::string{config::to_word(options.station.mode)},
            std::move(slot),      std::move(operator_name), std::move(text)};
  }

  void start_slots() {
    for (const auto& slot : slots) {
      ++running;
      asio::co_spawn(writer.executor(), slot->run(), [self = shared_from_this()](std::exception_ptr bug) {
        if (bug) std::rethrow_exception(bug);
        if (--self->running == 0 && self->all_ended) self->all_ended->cancel();
      });
    }
  }

  std::shared_ptr<IdentitySource> source_of(std::int64_t id) const {
    return work && work->row.id == id ? work->source : nullptr;
  }

  asio::awaitable<Result<BatchView>> change(std::int64_t id, BatchState to, std::string reason) {
    auto changed = co_await records.run(
        [id, to, why = std::move(reason), source = source_of(id)](Store& store) -> Result<BatchView> {
          FL_CHECK(store.change_batch(id, to, why));
          return view_of(store, id, source.get());
        });
    if (changed) show(*changed);
    co_return changed;
  }

  /// Opens the batch's files again; where that fails the batch is paused with the reason.
  asio::awaitable<Status> take_up(BatchRow row) {
    auto loaded = co_await detail::load_work(row, options.station, writer);
    if (loaded) {
      work = std::move(*loaded);
      co_return Status{};
    }
    Error error = in_context(fmt::format("batch {}", row.id), std::move(loaded).error());
    warn(to_text(error));
    if (row.state == BatchState::running) std::ignore = co_await change(row.id, BatchState::paused, to_text(error));
    co_return std::unexpected{std::move(error)};
  }
};

Line::Line(LineOptions options, BoardWriter& writer, RecordThread& records)
    : core_{std::make_shared<Core>(std::move(options), writer, records)} {}

Line::~Line() = default;

asio::awaitable<Status> Line::start() {
  const auto core = core_;
  core->records.listen([weak = std::weak_ptr<Core>{core}, executor = core->writer.executor()](const Record& record) {
    asio::post(executor, [weak, event = appended(record)] {
      if (const auto alive = weak.lock()) alive->emit(event);
    });
  });
  auto recovered = co_await core->records.run(
      [note = core->note("", "", "started"), &station = core->options.station](Store& store) -> Result<Recovered> {
        FL_CHECK(store.note(RecordKind::station_started, note));
        return detail::recover(store, station);
      });
  if (!recovered) co_return std::unexpected{std::move(recovered).error()};
  if (recovered->interrupted != 0) spdlog::warn("{} attempts were interrupted by a crash", recovered->interrupted);
  for (const auto& unit : recovered->kept) core->find(unit.slot)->keep(unit);
  // A batch that cannot be taken up is paused with its reason; the station runs nevertheless.
  if (recovered->batch) std::ignore = co_await core->take_up(*recovered->batch);
  if (recovered->last) {
    auto view = co_await core->records.run([id = recovered->last->id, source = core->source_of(recovered->last->id)](
                                               Store& store) { return settle_batch(store, id, source.get()); });
    if (!view) co_return std::unexpected{std::move(view).error()};
    core->show(std::move(*view));
  }
  core->start_slots();
  co_return Status{};
}

asio::awaitable<void> Line::stop() {
  const auto core = core_;
  core->stopping = true;
  for (const auto& slot : core->slots) slot->park();
  core->all_ended.emplace(core->writer.executor(), asio::steady_timer::time_point::max());
  while (core->running != 0) co_await core->all_ended->async_wait(asio::as_tuple(asio::use_awaitable));
  auto noted = co_await core->records.run(
      [note = core->note("", "", "stopped")](Store& store) { return store.note(RecordKind::station_stopped, note); });
  if (!noted) spdlog::error("{}", to_text(noted.error()));
}

std::vector<SlotView> Line::slots() const {
  std::vector<SlotView> views;
  for (const auto& slot : core_->slots) views.push_back(slot->view());
  return views;
}

std::optional<SlotView> Line::slot(std::string_view name) const {
  const SlotRunner* found = core_->find(name);
  return found == nullptr ? std::nullopt : std::optional{found->view()};
}

std::optional<BatchView> Line::batch() const { return core_->view; }
std::vector<std::string> Line::warnings() const { return core_->warnings; }

asio::awaitable<Result<BatchView>> Line::create_batch(WorkOrder order) {
  const auto core = core_;
  if (core->work || core->batch_paused()) {
    co_return fail(errc::batch_open, fmt::format("batch {} is {}", core->view->row.id, name_of(core->view->row.state)));
  }
  BatchRow row = row_of(order, core->options);
  if (!order.units_csv.empty()) {
    auto kept = co_await asio::co_spawn(core->writer.blocking(),
                                        keep_on_thread(order.units_csv, core->options.station.paths.state),
                                        asio::use_awaitable);
    if (!kept) co_return std::unexpected{std::move(kept).error()};
    row.units_file = kept->string();
  }
  auto loaded = co_await detail::load_work(std::move(row), core->options.station, core->writer);
  if (!loaded) co_return std::unexpected{std::move(loaded).error()};
  const auto work = std::move(*loaded);
  auto created = co_await core->records.run([work](Store& store) -> Result<BatchView> {
    FL_CHECK(work->source->check(store.read()));
    FL_TRY(const auto batch, store.create_batch(work->row));
    return view_batch(store.read(), batch, work->source->size());
  });
  if (!created) co_return created;
  work->row = created->row;
  core->work = work;
  core->show(*created);
  co_return created;
}

asio::awaitable<Result<BatchView>> Line::pause_batch(std::int64_t id, std::string reason) {
  const auto core = core_;
  co_return co_await core->change(id, BatchState::paused, std::move(reason));
}

asio::awaitable<Result<BatchView>> Line::resume_batch(std::int64_t id) {
  const auto core = core_;
  if (!core->work && core->batch_paused() && core->view->row.id == id) {
    const auto taken = co_await core->take_up(core->view->row);
    if (!taken) co_return std::unexpected{taken.error()};
  }
  co_return co_await core->change(id, BatchState::running, "");
}

asio::awaitable<Result<BatchView>> Line::close_batch(std::int64_t id, std::string reason) {
  const auto core = core_;
  if (core->work && core->work->row.id == id) core->work->open = false;
  std::vector<std::string> kept;
  for (const auto& slot : core->slots) {
    if (!slot->kept().empty()) kept.push_back(slot->kept());
  }
  auto closed = co_await core->records.run(
      [id, kept, why = std::move(reason), source = core->source_of(id)](Store& store) -> Result<BatchView> {
        FL_CHECK(store.change_batch(id, BatchState::closed, why));
        for (const auto& serial : kept) {
          FL_TRY(const auto unit, store.read().unit(serial));
          if (!unit || unit->batch != id || unit->state != UnitState::reserved) continue;
          FL_CHECK(store.void_unit(serial, "the batch was closed"));
        }
        return view_of(store, id, source.get());
      });
  if (!closed) {
    if (core->work && core->work->row.id == id) core->work->open = true;
    co_return closed;
  }
  for (const auto& slot : core->slots) {
    if (std::ranges::find(kept, slot->kept()) != kept.end()) slot->drop_kept();
  }
  core->show(*closed);
  co_return closed;
}

asio::awaitable<Result<SlotView>> Line::retry(std::string slot, std::string operator_name) {
  const auto core = core_;
  SlotRunner* runner = core->find(slot);
  if (runner == nullptr) co_return fail(errc::no_such_slot, "slot " + slot);
  if (!runner->ask(slot::RetryAsked{})) co_return fail(errc::slot_busy, "slot " + slot + " has not failed");
  auto noted = co_await core->records.run([note = core->note(slot, std::move(operator_name), "retry")](Store& store) {
    return store.note(RecordKind::operator_action, note);
  });
  if (!noted) core->warn(to_text(noted.error()));
  co_return runner->view();
}

asio::awaitable<Result<SlotView>> Line::next(std::string slot, std::string operator_name) {
  const auto core = core_;
  SlotRunner* runner = core->find(slot);
  if (runner == nullptr) co_return fail(errc::no_such_slot, "slot " + slot);
  if (!runner->can(slot::NextAsked{})) co_return fail(errc::slot_busy, "slot " + slot + " has not finished a board");
  const std::string kept = runner->kept();
  runner->drop_kept();
  runner->ask(slot::NextAsked{});
  auto noted = co_await core->records.run(
      [note = core->note(slot, std::move(operator_name), "next board"), kept](Store& store) -> Status {
        FL_CHECK(store.note(RecordKind::operator_action, note));
        FL_TRY(const auto unit, store.read().unit(kept));
        if (!unit || unit->state != UnitState::reserved) return {};
        FL_CHECK(store.void_unit(kept, "another board was put into the slot"));
        return {};
      });
  if (!noted) core->warn(to_text(noted.error()));
  if (core->view) {
    auto view = co_await core->records.run([id = core->view->row.id, source = core->source_of(core->view->row.id)](
                                               Store& store) { return settle_batch(store, id, source.get()); });
    if (view) core->show(std::move(*view));
  }
  co_return runner->view();
}

asio::awaitable<Result<SlotView>> Line::release(std::string slot, std::string operator_name) {
  const auto core = core_;
  SlotRunner* runner = core->find(slot);
  if (runner == nullptr) co_return fail(errc::no_such_slot, "slot " + slot);
  if (!runner->can(slot::ReleaseAsked{})) co_return fail(errc::slot_busy, "slot " + slot + " is not quarantined");
  auto noted = co_await core->records.run([note = core->note(slot, std::move(operator_name), "release")](Store& store) {
    return store.note(RecordKind::operator_action, note);
  });
  if (!noted) co_return std::unexpected{std::move(noted).error()};
  runner->release();
  co_return runner->view();
}

void Line::port_changed(const std::string& slot, bool left) {
  if (SlotRunner* runner = core_->find(slot)) runner->port_changed(left);
}

std::uint64_t Line::observe(Observer observer) {
  core_->observers.emplace(core_->next_observer, std::move(observer));
  return core_->next_observer++;
}

void Line::forget(std::uint64_t observer) { core_->observers.erase(observer); }

}  // namespace flashline::line
