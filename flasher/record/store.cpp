#include "flasher/record/store.h"

#include <fcntl.h>
#include <spdlog/fmt/fmt.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include "flasher/record/detail/anchor.h"
#include "flasher/record/detail/database.h"
#include "flasher/record/detail/schema.h"
#include "flasher/record/state_lock.h"
#include "imaging/core/errors/record.h"

namespace flashline::line {
namespace {

using detail::Anchor;
using detail::AnchorState;
using detail::Database;
using detail::Tip;
using detail::Value;

Value text(std::string_view value) { return std::string{value}; }

Status make_private_folder(const std::filesystem::path& folder) {
  std::error_code error;
  const bool made = std::filesystem::create_directories(folder, error);
  if (!error && made) std::filesystem::permissions(folder, std::filesystem::perms::owner_all, error);
  if (error) return fail(errc::record_store, folder.string() + ": " + error.message());
  return {};
}

// SQLite makes its files with the rights that the database has, so it is made here with the rights it must have.
Status make_private_file(const std::filesystem::path& file) {
  const imaging::FileHandle handle{::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)};
  if (handle) return {};
  return fail(errc::record_store, file.string() + ": " + std::system_category().message(errno));
}

Result<Tip> tip_of(Database& database) {
  Tip tip{0, first_hash()};
  FL_CHECK(database.rows("SELECT seq, hash FROM events ORDER BY seq DESC LIMIT 1", {}, 2,
                         [&](std::span<const std::string> row) -> Status {
                           tip = Tip{std::stoull(row[0]), row[1]};
                           return {};
                         }));
  return tip;
}

struct Keys {
  std::int64_t batch = 0;
  std::string serial;
};

Keys keys_of(const RecordRow& row) {
  struct Visitor {
    Keys operator()(const StationNote&) { return {}; }
    Keys operator()(const BatchRow& batch) { return {batch.id, {}}; }
    Keys operator()(const UnitRow& unit) { return {unit.batch, unit.serial}; }
    Keys operator()(const AttemptRow& attempt) { return {attempt.batch, attempt.serial}; }
  };
  return std::visit(Visitor{}, row);
}

Status insert_row(Database& db, const BatchRow& row) {
  return db.run("INSERT INTO batches (id, state, doc) VALUES (:v1, :v2, :v3)",
                {row.id, text(name_of(row.state)), to_json(row)});
}

Status insert_row(Database& db, const UnitRow& row) {
  FL_CHECK(
      db.run("INSERT INTO identities (serial, batch, number, state, slot, serial_pool, serial_index, mac_pool, "
             "mac_index, doc) VALUES (:v1, :v2, :v3, :v4, :v5, :v6, :v7, :v8, :v9, :v10)",
             {row.serial, row.batch, row.number, text(name_of(row.state)), row.slot, row.serial_pool, row.serial_index,
              row.mac_pool, row.mac_index, to_json(row)}));
  for (const auto& mac : row.macs) {
    FL_CHECK(db.run("INSERT INTO identity_macs (mac, serial) VALUES (:v1, :v2)", {mac, row.serial}));
  }
  return {};
}

Status insert_row(Database& db, const AttemptRow& row) {
  return db.run("INSERT INTO attempts (serial, number, batch, state, doc) VALUES (:v1, :v2, :v3, :v4, :v5)",
                {row.serial, row.number, row.batch, text(name_of(row.state)), to_json(row)});
}

Status update_row(Database& db, const BatchRow& row) {
  return db.run("UPDATE batches SET state = :v1, doc = :v2 WHERE id = :v3",
                {text(name_of(row.state)), to_json(row), row.id});
}

Status update_row(Database& db, const UnitRow& row) {
  return db.run("UPDATE identities SET state = :v1, doc = :v2 WHERE serial = :v3",
                {text(name_of(row.state)), to_json(row), row.serial});
}

Status update_row(Database& db, const AttemptRow& row) {
  return db.run("UPDATE attempts SET state = :v1, doc = :v2 WHERE serial = :v3 AND number = :v4",
                {text(name_of(row.state)), to_json(row), row.serial, row.number});
}

}  // namespace

class Store::Impl {
 public:
  Impl(StoreOptions options, StateLock lock, std::shared_ptr<Database> database, Anchor anchor, Tip tip)
      : options_{std::move(options)},
        lock_{std::move(lock)},
        database_{std::move(database)},
        reader_{database_},
        anchor_{std::move(anchor)},
        tip_{std::move(tip)} {}

  RecordReader& read() { return reader_; }
  Database& database() { return *database_; }
  const StoreOptions& options() const { return options_; }
  const Tip& tip() const { return tip_; }
  std::string now() const { return to_iso8601(options_.clock()); }

  /// Runs `change` in a transaction. The anchor names both ends the database may have after a crash in here.
  template <class Change>
  Status transact(Change change) {
    const Tip before = tip_;
    pending_.clear();
    FL_CHECK(database_->run("BEGIN IMMEDIATE"));
    Status done = change();
    if (done) done = commit(before);
    if (!done) {
      std::ignore = database_->run("ROLLBACK");
      tip_ = before;
      return done;
    }
    for (const Record& record : std::exchange(pending_, {})) {
      if (options_.on_record) options_.on_record(record);
    }
    return {};
  }

  /// Appends a record of `row`, which was `before`, and brings the row's table up to it.
  template <class Row>
  Status append(RecordKind kind, const std::optional<Row>& before, const Row& row) {
    const auto was = before ? std::optional<RecordRow>{*before} : std::nullopt;
    const std::string objection = illegal_step(kind, was, RecordRow{row});
    if (!objection.empty()) return fail(errc::record_step, fmt::format("{}: {}", name_of(kind), objection));
    FL_CHECK(append_event(Record{tip_.count + 1, now(), kind, row}));
    step("row");
    if constexpr (!std::is_same_v<Row, StationNote>) {
      return before ? update_row(*database_, row) : insert_row(*database_, row);
    }
    return {};
  }

 private:
  void step(std::string_view name) const {
    if (options_.at_step) options_.at_step(name);
  }

  Status append_event(Record record) {
    const std::string body = to_json(record);
    const std::string hash = chain_hash(tip_.hash, body);
    const Keys keys = keys_of(record.row);
    step("event");
    FL_CHECK(database_->run(
        "INSERT INTO events (seq, kind, batch, serial, body, hash) VALUES (:v1, :v2, :v3, :v4, :v5, :v6)",
        {static_cast<std::int64_t>(record.seq), text(name_of(record.kind)), keys.batch, keys.serial, body, hash}));
    tip_ = Tip{record.seq, hash};
    pending_.push_back(std::move(record));
    return {};
  }

  Status commit(const Tip& before) {
    step("intend");
    FL_CHECK(anchor_.write(AnchorState{before, tip_}));
    step("commit");
    FL_CHECK(database_->run("COMMIT"));
    step("settle");
    // The change is durable whatever becomes of this write: the anchor names this end already.
    std::ignore = anchor_.write(AnchorState{tip_, tip_});
    step("settled");
    return {};
  }

  StoreOptions options_;
  StateLock lock_;
  std::shared_ptr<Database> database_;
  RecordReader reader_;
  Anchor anchor_;
  Tip tip_;
  std::vector<Record> pending_;
};

Store::Store(std::unique_ptr<Impl> impl) : impl_{std::move(impl)} {}
Store::~Store() = default;
RecordReader& Store::read() { return impl_->read(); }

Result<std::unique_ptr<Store>> Store::open(StoreOptions options) {
  FL_CHECK(make_private_folder(options.folder));
  FL_TRY(auto lock, StateLock::take(options.folder));
  FL_TRY(auto anchor, Anchor::open(detail::anchor_file(options.folder)));
  const auto file = detail::database_file(options.folder);
  FL_CHECK(make_private_file(file));
  FL_TRY(auto database, Database::open(file, Database::Mode::read_write));
  FL_CHECK(detail::set_up(database));
  FL_CHECK(detail::ensure_schema(database));
  FL_TRY(auto tip, tip_of(database));
  const auto& known = anchor.state();
  const AnchorState none{Tip{0, first_hash()}, Tip{0, first_hash()}};
  const AnchorState expected = known.value_or(none);
  if (tip != expected.settled && tip != expected.intended) {
    return fail(errc::record_tip, fmt::format("{} ends with record {}, its anchor says {}", file.string(), tip.count,
                                              expected.settled.count));
  }
  FL_CHECK(anchor.write(AnchorState{tip, tip}));
  auto shared = std::make_shared<Database>(std::move(database));
  return std::unique_ptr<Store>{new Store{std::make_unique<Impl>(std::move(options), std::move(lock), std::move(shared),
                                                                 std::move(anchor), std::move(tip))}};
}

Result<BatchRow> Store::create_batch(BatchRow draft) {
  FL_TRY(const auto open, read().open_batch());
  if (open) return fail(errc::batch_open, fmt::format("batch {} is {}", open->id, name_of(open->state)));
  FL_TRY(draft.id, impl_->database().number("SELECT COALESCE(MAX(id), 0) + 1 FROM batches"));
  draft.state = BatchState::running;
  draft.created_at = impl_->now();
  FL_CHECK(impl_->transact([&] { return impl_->append<BatchRow>(RecordKind::batch_created, std::nullopt, draft); }));
  return draft;
}

Result<BatchRow> Store::change_batch(std::int64_t id, BatchState to, std::string reason) {
  FL_TRY(const auto before, read().batch(id));
  if (!before) return fail(errc::no_such_batch, fmt::format("batch {}", id));
  BatchRow after = *before;
  after.state = to;
  after.reason = std::move(reason);
  if (to == BatchState::closed || to == BatchState::done) after.closed_at = impl_->now();
  const RecordKind kind = to == BatchState::paused    ? RecordKind::batch_paused
                          : to == BatchState::running ? RecordKind::batch_resumed
                          : to == BatchState::closed  ? RecordKind::batch_closed
                                                      : RecordKind::batch_done;
  if (!illegal_step(kind, RecordRow{*before}, RecordRow{after}).empty()) {
    return fail(errc::batch_state, fmt::format("batch {} is {}", id, name_of(before->state)));
  }
  FL_CHECK(impl_->transact([&] { return impl_->append<BatchRow>(kind, before, after); }));
  return after;
}

Result<UnitAttempt> Store::reserve(UnitRow unit, AttemptRow attempt) {
  FL_TRY(unit.number, read().next_number(unit.batch));
  unit.state = UnitState::reserved;
  unit.reserved_at = impl_->now();
  attempt.serial = unit.serial;
  attempt.batch = unit.batch;
  attempt.number = 1;
  attempt.state = AttemptState::running;
  attempt.started_at = impl_->now();
  FL_TRY(const auto taken, read().unit(unit.serial));
  FL_CHECK(impl_->transact([&]() -> Status {
    FL_CHECK(impl_->append<UnitRow>(RecordKind::unit_reserved, taken, unit));
    return impl_->append<AttemptRow>(RecordKind::attempt_started, std::nullopt, attempt);
  }));
  return UnitAttempt{std::move(unit), std::move(attempt)};
}

Result<UnitAttempt> Store::start_attempt(AttemptRow attempt) {
  FL_TRY(auto unit, read().unit(attempt.serial));
  if (!unit) return fail(errc::no_such_unit, attempt.serial);
  FL_TRY(const auto earlier, read().attempts(attempt.serial));
  const bool open = !earlier.empty() && earlier.back().state == AttemptState::running;
  if (unit->state != UnitState::reserved || open) {
    return fail(errc::record_step, fmt::format("{} is {}{}", unit->serial, name_of(unit->state),
                                               open ? " and has a running attempt" : ""));
  }
  attempt.number = static_cast<std::int64_t>(earlier.size()) + 1;
  attempt.batch = unit->batch;
  attempt.state = AttemptState::running;
  attempt.started_at = impl_->now();
  FL_CHECK(
      impl_->transact([&] { return impl_->append<AttemptRow>(RecordKind::attempt_started, std::nullopt, attempt); }));
  return UnitAttempt{std::move(*unit), std::move(attempt)};
}

Result<UnitAttempt> Store::pass(AttemptRow ended) {
  FL_TRY(const auto unit, read().unit(ended.serial));
  FL_TRY(const auto running, read().attempt(ended.serial, ended.number));
  if (!unit || !running) return fail(errc::no_such_unit, ended.serial);
  ended.state = AttemptState::passed;
  ended.ended_at = impl_->now();
  UnitRow committed = *unit;
  committed.state = UnitState::committed;
  committed.ended_at = ended.ended_at;
  FL_CHECK(impl_->transact([&]() -> Status {
    FL_CHECK(impl_->append<AttemptRow>(RecordKind::attempt_ended, running, ended));
    return impl_->append<UnitRow>(RecordKind::unit_committed, unit, committed);
  }));
  return UnitAttempt{std::move(committed), std::move(ended)};
}

Result<UnitAttempt> Store::end_attempt(AttemptRow ended, std::optional<std::string> void_reason) {
  FL_TRY(const auto unit, read().unit(ended.serial));
  FL_TRY(const auto running, read().attempt(ended.serial, ended.number));
  if (!unit || !running) return fail(errc::no_such_unit, ended.serial);
  if (ended.state == AttemptState::passed) return fail(errc::record_step, "an attempt passes only with its identity");
  ended.ended_at = impl_->now();
  UnitRow after = *unit;
  if (void_reason) {
    after.state = UnitState::voided;
    after.reason = *void_reason;
    after.ended_at = ended.ended_at;
  }
  FL_CHECK(impl_->transact([&]() -> Status {
    FL_CHECK(impl_->append<AttemptRow>(RecordKind::attempt_ended, running, ended));
    if (!void_reason) return {};
    return impl_->append<UnitRow>(RecordKind::unit_voided, unit, after);
  }));
  return UnitAttempt{std::move(after), std::move(ended)};
}

Result<UnitRow> Store::void_unit(std::string_view serial, std::string reason) {
  FL_TRY(const auto unit, read().unit(serial));
  if (!unit) return fail(errc::no_such_unit, std::string{serial});
  UnitRow after = *unit;
  after.state = UnitState::voided;
  after.reason = std::move(reason);
  after.ended_at = impl_->now();
  FL_CHECK(impl_->transact([&] { return impl_->append<UnitRow>(RecordKind::unit_voided, unit, after); }));
  return after;
}

Status Store::note(RecordKind kind, StationNote note) {
  return impl_->transact([&] { return impl_->append<StationNote>(kind, std::nullopt, note); });
}

Result<Store::Snapshot> Store::snapshot() {
  FL_TRY(auto database, Database::open(detail::database_file(impl_->options().folder), Database::Mode::read_only));
  FL_CHECK(database.run("BEGIN"));
  // A transaction of SQLite sees the state of its first read, not that of its BEGIN.
  FL_CHECK(database.number("SELECT COUNT(*) FROM events"));
  return Snapshot{RecordReader{std::make_shared<Database>(std::move(database))}, impl_->tip().count, impl_->tip().hash};
}

}  // namespace flashline::line
