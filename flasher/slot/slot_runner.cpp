#include "flasher/slot/detail/slot_runner.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <filesystem>
#include <spdlog/spdlog.h>
#include <utility>

#include "flasher/slot/detail/write_journal.h"
#include "imaging/core/digest.h"
#include "imaging/core/errors/device.h"
#include "imaging/core/errors/unit.h"
#include "imaging/core/errors/usb.h"

namespace flashline::line::detail {
namespace {

using namespace std::chrono_literals;

constexpr auto progress_every = 200ms;
constexpr std::size_t boards_that_condemn = 3;

asio::awaitable<Status> keep_on_thread(std::filesystem::path file, Evidence evidence) {
  co_return keep_evidence(file, evidence);
}

/// Over where the unit's own bytes lie and what they are.
std::string digest_of(const imaging::UnitOverlay& overlay) {
  if (overlay.extents.empty()) return {};
  Sha256Stream stream;
  for (const auto& extent : overlay.extents) {
    const std::string head = fmt::format("{}+{}:", extent.at.value, extent.bytes.size());
    stream.update(std::as_bytes(std::span{head}));
    stream.update(extent.bytes);
  }
  return to_hex(stream.finish());
}

std::vector<std::uint64_t> first_lbas(const RunReport& report, LbaList StoreReport::* list) {
  std::vector<std::uint64_t> lbas;
  for (const auto& store : report.stores) {
    for (const auto& range : (store.*list).ranges) lbas.push_back(range.first);
  }
  return lbas;
}

void fill_in(AttemptRow& row, const RunReport& report) {
  row.phase = name_of(report.reached);
  row.bytes_written = report.written().value;
  row.bytes_verified = report.verified().value;
  row.bytes_resumed = report.resumed().value;
  if (report.verify && !report.stores.empty()) row.read_back = name_of(report.stores.front().sink.read_back);
  row.retried_lbas = first_lbas(report, &StoreReport::rewritten);
  row.bad_lbas = first_lbas(report, &StoreReport::bad);
  if (row.image_digest.empty() && report.image_digest) row.image_digest = to_hex(*report.image_digest);
}

std::filesystem::path journal_folder(const LineCore& core) { return core.options.station.paths.state / "journals"; }

/// What the record thread answers when an attempt has ended.
struct Ended {
  UnitAttempt result;
  BatchView batch;
};

struct Rendering {
  BoardWriter& writer;
  std::shared_ptr<BatchWork> work;
  transport::SinkFacts board;
  UnitRow unit;
};

asio::awaitable<Result<std::shared_ptr<WriteJournal>>> journal_on_thread(std::filesystem::path folder, JournalKey key) {
  co_return WriteJournal::open(folder, key);
}

/// The other side of a journal: what the engine is told of it and tells it.
std::shared_ptr<Resume> resume_from(std::shared_ptr<WriteJournal> journal, asio::any_io_executor blocking) {
  auto resume = std::make_shared<Resume>();
  resume->durable = journal->durable();
  resume->note = [journal = std::move(journal),
                  strand = asio::make_strand(std::move(blocking))](std::vector<imaging::Extent> extents) {
    asio::post(strand, [journal, durable = std::move(extents)] { std::ignore = journal->add(durable); });
  };
  return resume;
}

/// The board left; what is on it is worth something.
bool was_lost(const Error& error) { return error.code == errc::device_gone || error.code == errc::usb_gone; }

asio::awaitable<Result<imaging::UnitOverlay>> render_on_thread(Rendering job) {
  if (!job.work->recipe || job.work->recipe->overlay.empty()) co_return imaging::UnitOverlay{};
  co_return job.writer.render(job.work->image, job.board, *job.work->recipe, job.work->source->fields(job.unit));
}

}  // namespace

/// One attempt and what it needs. The sink is the board: opened before the unit is taken, so that nothing can be
/// swapped in between.
struct SlotRunner::Attempt {
  std::shared_ptr<BatchWork> work;
  std::shared_ptr<transport::BlockSink> board;
  UnitRow unit;
  AttemptRow row;
  AttemptLog log;
};

SlotRunner::SlotRunner(LineCore& core, const config::Slot& slot)
    : core_{core}, slot_{slot}, since_{core.now()}, wake_{core.writer.executor()} {
  if (auto evidence = kept_evidence(evidence_file())) {
    state_ = slot::Quarantined{{errc::slot_quarantined, std::move(*evidence)}};
  }
}

std::filesystem::path SlotRunner::evidence_file() const {
  return quarantine_file(core_.options.station.paths.state, slot_.name);
}

void SlotRunner::release() {
  if (const auto kept = put_aside(evidence_file(), core_.now()); !kept) core_.warn(to_text(kept.error()));
  ask(slot::ReleaseAsked{});
}

asio::awaitable<void> SlotRunner::run() {
  while (!core_.stopping) {
    co_await look();
    if (core_.stopping) break;
    if (can_begin()) {
      co_await begin();
    } else {
      co_await nap();
    }
  }
}

bool SlotRunner::can_begin() const {
  if (!std::holds_alternative<slot::Ready>(state_) || !core_.batch_runs()) return false;
  const bool wanted = !nothing_left_ && core_.view->left != std::uint64_t{0};
  return wanted || !kept_.empty();
}

asio::awaitable<void> SlotRunner::look() {
  const bool present = co_await core_.writer.present(slot_);
  if (present && apply(slot::BoardIn{}) && core_.batch_paused()) apply(slot::PauseAsked{});
  if (!present && !std::holds_alternative<slot::Empty>(state_)) apply(slot::BoardOut{});
}

asio::awaitable<void> SlotRunner::nap() {
  if (std::exchange(woken_, false)) co_return;
  // Who watches the ports wakes their slots; nobody watches files and block devices.
  if (slot_.target.kind == config::Target::Kind::port) {
    wake_.expires_at(std::chrono::steady_clock::time_point::max());
  } else {
    wake_.expires_after(core_.options.look_every);
  }
  co_await wake_.async_wait(asio::as_tuple(asio::use_awaitable));
  woken_ = false;
}

void SlotRunner::batch_changed() {
  nothing_left_ = false;
  woken_ = true;
  wake_.cancel();
  if (beginning_) return;  // what began is brought to its end
  apply(core_.batch_paused() ? SlotEvent{slot::PauseAsked{}} : SlotEvent{slot::ResumeAsked{}});
}

void SlotRunner::port_changed(bool left) {
  gone_ = gone_ || left;
  if (left && !working()) apply(slot::BoardOut{});  // while one works on it, its attempt fails by itself
  woken_ = true;
  wake_.cancel();
}

// The recipe's word goes first, then what holds for boards of this kind.
WriteOptions SlotRunner::write_options(const BatchWork& work) const {
  WriteOptions options = work.write;
  const config::BoardProfile* board = core_.options.station.board_of(slot_);
  if (board == nullptr) return options;
  const config::WriteRule rule = work.recipe ? work.recipe->write : config::WriteRule{};
  options.platforms = board->platforms;
  if (!rule.verify) options.verify = board->defaults.verify.value_or(options.verify);
  if (!rule.fit_gpt) options.fit_gpt = board->defaults.fit_gpt.value_or(options.fit_gpt);
  return options;
}

void SlotRunner::park() {
  if (control_) control_->cancel();
  woken_ = true;
  wake_.cancel();
}

bool SlotRunner::ask(const SlotEvent& event) {
  if (!can(event)) return false;
  apply(event);
  batch_changed();
  return true;
}

void SlotRunner::keep(const UnitRow& unit) {
  kept_ = unit.serial;
  unit_ = unit;
}

asio::awaitable<void> SlotRunner::begin() {
  beginning_ = true;
  const auto work = core_.work;
  auto board = co_await core_.writer.open(slot_, work->image);
  if (!board) co_return refuse(std::move(board).error());
  gone_ = false;
  medium_ = (*board)->facts().medium;
  RunRequest request{.image = work->image.content, .targets = {}, .options = write_options(*work), .control = {}};
  request.targets.push_back({.device_path = {}, .sink = *board, .overlay = {}});
  if (auto fits = core_.writer.check(request); !fits) co_return refuse(std::move(fits).error());

  UnitOrder order{.batch = work->row.id, .kept = std::exchange(kept_, {}), .attempt = {}};
  // A file's identity stays when the operator says that another board is in; only somebody's word makes it another one,
  // and none outlives a restart.
  using Kind = config::Target::Kind;
  order.refuse_finished = slot_.target.kind == Kind::block || slot_.target.kind == Kind::port || !exchanged_;
  order.attempt.slot = slot_.name;
  order.attempt.target = slot_.target.text();
  order.attempt.medium = medium_;
  order.attempt.capacity = (*board)->facts().capacity.value;
  order.attempt.station = core_.options.station.name;
  order.attempt.version = core_.options.version;
  order.attempt.operator_name = work->row.operator_name;
  order.attempt.image = work->row.image;
  order.attempt.image_digest = work->image.digest();
  order.attempt.recipe_digest = work->row.recipe_digest;
  order.attempt.stale_policy = name_of(work->write.stale);
  order.attempt.verify = request.options.verify;
  order.attempt.phase = name_of(RunStep::preparing);
  const std::string kept = order.kept;
  auto begun = co_await core_.records.run(
      [order, source = work->source](Store& store) { return take_unit(store, *source, order); });
  if (!begun) {
    kept_ = kept;
    co_return refuse(std::move(begun).error());
  }
  if (!*begun) {
    nothing_left_ = true;
    end_beginning();
    co_return;
  }
  UnitAttempt taken = std::move(**begun);
  AttemptLog log{core_.writer.blocking(), core_.options.station.paths.logs / taken.attempt.log, slot_.name};
  co_await write(std::make_unique<Attempt>(work, std::move(*board), std::move(taken.unit), std::move(taken.attempt),
                                           std::move(log)));
}

asio::awaitable<void> SlotRunner::write(std::unique_ptr<Attempt> attempt) {
  unit_ = attempt->unit;
  measured_bytes_ = 0;
  rate_ = 0;
  measured_at_ = std::chrono::steady_clock::now();
  control_ = std::make_shared<RunControl>();
  beginning_ = false;
  apply(slot::AttemptBegan{{attempt->unit.serial, attempt->row.number}});
  attempt->log.line(fmt::format("{} attempt {} begins on {} ({})", attempt->unit.serial, attempt->row.number,
                                attempt->row.target, medium_.empty() ? "no medium identity" : medium_));
  const RunReport report = co_await run_attempt(*attempt);
  fill_in(attempt->row, report);
  for (const auto& step : report.steps) {
    attempt->log.detail(fmt::format("{} took {} ms", name_of(step.step),
                                    std::chrono::duration_cast<std::chrono::milliseconds>(step.took).count()));
  }
  attempt->log.detail(
      fmt::format("{} bytes written, {} found as they were left, {} verified ({}), {} pieces written twice",
                  attempt->row.bytes_written, attempt->row.bytes_resumed, attempt->row.bytes_verified,
                  attempt->row.read_back == "none" ? "write acknowledged, not read back" : attempt->row.read_back,
                  attempt->row.retried_lbas.size()));
  if (report.error) {
    co_await not_passed(*attempt, *report.error);
  } else {
    walk_to(RunStep::done);
    co_await passed(*attempt);
  }
  control_.reset();
  if (gone_) apply(slot::BoardOut{});  // what is on the port now is another one, or nothing
}

asio::awaitable<RunReport> SlotRunner::run_attempt(Attempt& attempt) {
  using namespace asio::experimental::awaitable_operators;
  RunReport refused;
  refused.reached = RunStep::preparing;
  auto overlay = co_await asio::co_spawn(
      core_.writer.blocking(),
      render_on_thread(Rendering{core_.writer, attempt.work, attempt.board->facts(), attempt.unit}),
      asio::use_awaitable);
  if (!overlay) {
    refused.error = std::move(overlay).error();
    co_return refused;
  }
  if (core_.stopping) {
    refused.error = Error{errc::cancelled, "before the first write"};
    co_return refused;
  }
  attempt.row.overlay_digest = digest_of(*overlay);
  RunRequest request{.image = attempt.work->image.content,
                     .targets = {},
                     .options = write_options(*attempt.work),
                     .control = control_};
  request.targets.push_back({.device_path = {}, .sink = attempt.board, .overlay = std::move(*overlay)});
  request.targets.back().resume = co_await resume_of(attempt);
  auto outcome = co_await (core_.writer.run(std::move(request)) || follow());
  co_return std::get<0>(std::move(outcome));
}

// A medium that does not tell which one it is can't be known again, and an image without a digest neither.
asio::awaitable<std::shared_ptr<Resume>> SlotRunner::resume_of(const Attempt& attempt) {
  const AttemptRow& row = attempt.row;
  if (row.medium.empty() || row.image_digest.empty()) co_return nullptr;
  auto journal = co_await asio::co_spawn(
      core_.writer.blocking(),
      journal_on_thread(journal_folder(core_),
                        {row.serial, row.medium, row.capacity, row.image_digest, row.overlay_digest}),
      asio::use_awaitable);
  if (!journal) {
    core_.warn(fmt::format("slot {}: no journal: {}", slot_.name, to_text(journal.error())));
    co_return nullptr;
  }
  co_return resume_from(std::move(*journal), core_.writer.blocking());
}

// The engine is asked five times a second how far it is.
asio::awaitable<void> SlotRunner::follow() {
  asio::steady_timer timer{core_.writer.executor()};
  for (;;) {
    timer.expires_after(progress_every);
    const auto [error] = co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
    if (error) co_return;
    walk_to(control_->progress.step.load());
    measure();
    changed();
  }
}

asio::awaitable<void> SlotRunner::passed(Attempt& attempt) {
  auto ended = co_await core_.records.run([row = attempt.row, id = attempt.work->row.id, source = attempt.work->source,
                                           folder = journal_folder(core_)](Store& store) -> Result<Ended> {
    FL_TRY(auto result, store.pass(row));
    WriteJournal::remove(folder, row.serial);
    FL_TRY(auto batch, settle_batch(store, id, source.get()));
    return Ended{std::move(result), std::move(batch)};
  });
  if (!ended) {  // the board is right, but nobody would know: it does not pass
    kept_ = attempt.unit.serial;
    attempt.log.line(to_text(ended.error()));
    core_.warn(
        fmt::format("slot {}: {} could not be recorded: {}", slot_.name, attempt.unit.serial, to_text(ended.error())));
    apply(slot::AttemptFailed{std::move(ended).error()});
    co_return;
  }
  unit_ = ended->result.unit;
  failed_boards_.clear();
  attempt.log.line(fmt::format("{} passed and is committed", attempt.unit.serial));
  apply(slot::AttemptPassed{});
  core_.show(std::move(ended->batch));
}

asio::awaitable<void> SlotRunner::not_passed(Attempt& attempt, const Error& error) {
  const bool parked = core_.stopping && error.code == errc::cancelled;
  attempt.row.state = parked || was_lost(error) ? AttemptState::interrupted : AttemptState::failed;
  attempt.row.error_code = code_of(error.code);
  attempt.row.error_text = parked ? "station stopped" : error.detail;
  attempt.log.line(parked ? "interrupted: station stopped" : to_text(error));
  auto ended = co_await core_.records.run([row = attempt.row, unit = attempt.unit, work = attempt.work,
                                           attempts = core_.options.station.attempts, open = attempt.work->open,
                                           folder = journal_folder(core_)](Store& store) -> Result<Ended> {
    FL_TRY(const auto reason, void_reason(store, unit, row, attempts, open));
    FL_TRY(auto result, store.end_attempt(row, reason));
    if (reason) WriteJournal::remove(folder, unit.serial);
    FL_TRY(auto batch, settle_batch(store, work->row.id, work->source.get()));
    return Ended{std::move(result), std::move(batch)};
  });
  const bool voided = ended && ended->result.unit.state == UnitState::voided;
  if (!voided) kept_ = attempt.unit.serial;
  if (voided) attempt.log.line(fmt::format("{} is voided: {}", attempt.unit.serial, ended->result.unit.reason));
  if (ended) unit_ = ended->result.unit;
  if (!ended) core_.warn(fmt::format("slot {}: {}", slot_.name, to_text(ended.error())));
  if (parked) {
    apply(slot::AttemptParked{});
  } else {
    apply(slot::AttemptFailed{error});
    co_await judge_slot(attempt, error);
    const bool again = ended && !voided && !core_.stopping && !std::holds_alternative<slot::Quarantined>(state_);
    // Attempts are left: the same board at once, or when it is back.
    if (again && was_lost(error)) apply(slot::BoardOut{});
    if (again && !was_lost(error)) ask(slot::RetryAsked{});
  }
  if (ended) core_.show(std::move(ended->batch));
}

// One board that fails is the board; three in a row are the slot.
asio::awaitable<void> SlotRunner::judge_slot(const Attempt& attempt, const Error& error) {
  if (exit_code_of(error.code) != 1) co_return;  // the image's fault, not that of board, medium or slot
  const AttemptRow& row = attempt.row;
  FailedBoard board{.serial = row.serial,
                    .attempt = row.number,
                    .medium = row.medium,
                    .phase = row.phase,
                    .error_code = std::string{code_of(error.code)},
                    .error_text = error.detail,
                    .log = row.log,
                    .ended_at = core_.now()};
  if (!failed_boards_.empty() && failed_boards_.back().name() == board.name()) failed_boards_.pop_back();
  failed_boards_.push_back(std::move(board));
  if (failed_boards_.size() < boards_that_condemn) co_return;
  const Evidence evidence{slot_.name, slot_.target.text(), core_.now(), std::exchange(failed_boards_, {})};
  const std::string text = summary_of(evidence, evidence_file());
  spdlog::warn("slot {}: quarantined: {}", slot_.name, text);
  auto noted = co_await core_.records.run([note = core_.note_of(slot_.name, "quarantined: " + text)](Store& store) {
    return store.note(RecordKind::operator_action, note);
  });
  if (!noted) core_.warn(to_text(noted.error()));
  auto kept =
      co_await asio::co_spawn(core_.writer.blocking(), keep_on_thread(evidence_file(), evidence), asio::use_awaitable);
  if (!kept) core_.warn(to_text(kept.error()));
  apply(slot::FaultFound{Error{errc::slot_quarantined, text}});
}

// The engine is looked at now and then: states it passed in between are walked through.
void SlotRunner::walk_to(RunStep step) {
  if (step >= RunStep::writing && std::holds_alternative<slot::Preparing>(state_)) apply(slot::WriteBegan{});
  if (step >= RunStep::verifying && std::holds_alternative<slot::Writing>(state_)) apply(slot::ReadBackBegan{});
}

void SlotRunner::refuse(Error error) {
  spdlog::warn("slot {}: {}", slot_.name, to_text(error));
  apply(slot::Refused{std::move(error)});
  end_beginning();
}

void SlotRunner::end_beginning() {
  beginning_ = false;
  if (core_.batch_paused()) apply(slot::PauseAsked{});
}

bool SlotRunner::apply(const SlotEvent& event) {
  auto next = next_state(state_, event);
  if (!next) return false;
  state_ = std::move(*next);
  since_ = core_.now();
  spdlog::debug("slot {}: {} -> {}", slot_.name, name_of(event), name_of(state_));
  const bool fresh = std::holds_alternative<slot::NextAsked>(event) || std::holds_alternative<slot::BoardOut>(event);
  exchanged_ = exchanged_ || fresh;
  if (fresh && kept_.empty()) unit_.reset();
  changed();
  return true;
}

void SlotRunner::changed() { core_.emit(SlotChanged{view()}); }

void SlotRunner::measure() {
  const auto& progress = control_->progress;
  const std::uint64_t bytes = progress.prepared + progress.written + progress.verified;
  const auto now = std::chrono::steady_clock::now();
  const double seconds = std::chrono::duration<double>(now - measured_at_).count();
  if (seconds <= 0) return;
  const double rate = static_cast<double>(bytes - std::min(bytes, measured_bytes_)) / seconds;
  rate_ = rate_ == 0 ? rate : 0.8 * rate_ + 0.2 * rate;
  measured_at_ = now;
  measured_bytes_ = bytes;
}

SlotView SlotRunner::view() const {
  SlotView view;
  view.name = slot_.name;
  view.row = slot_.row;
  view.column = slot_.column;
  view.kind = config::to_word(slot_.target.kind);
  view.target = slot_.target.text();
  view.board = slot_.target.board;
  view.state = name_of(state_);
  view.medium = medium_;
  view.since = since_;
  if (unit_) {
    view.batch = unit_->batch;
    view.unit = unit_->number;
    view.serial = unit_->serial;
  }
  if (const Work* work = work_of(state_)) view.attempt = work->attempt;
  if (const auto* failed = std::get_if<slot::Failed>(&state_)) view.error = failed->error;
  if (const auto* condemned = std::get_if<slot::Quarantined>(&state_)) view.error = condemned->error;
  if (!control_) return view;
  const auto& progress = control_->progress;
  view.phase = name_of(progress.step.load());
  view.done_bytes = progress.prepared + progress.written + progress.verified;
  view.total_bytes = progress.prepare_total + progress.write_total + progress.verify_total;
  view.rate_bytes_per_s = static_cast<std::uint64_t>(rate_);
  if (rate_ >= 1 && view.total_bytes >= view.done_bytes) {
    view.seconds_left = static_cast<std::uint64_t>(static_cast<double>(view.total_bytes - view.done_bytes) / rate_);
  }
  return view;
}

}  // namespace flashline::line::detail
