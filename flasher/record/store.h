#pragma once
// The station's memory: every fact that must survive a power cut, in one SQLite database with a hash-chained log.

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "flasher/record/record.h"
#include "flasher/record/record_reader.h"
#include "flasher/record/rows.h"
#include "imaging/core/error.h"

namespace flashline::line {

struct StoreOptions {
  std::filesystem::path folder;  ///< state folder; made (mode 0700) if it is missing
  Clock clock = [] { return std::chrono::system_clock::now(); };
  /// Called with each record after it became durable, on the caller's thread.
  std::function<void(const Record&)> on_record;
  /// Called with the name of each step of a transaction; tests die here.
  std::function<void(std::string_view)> at_step;
};

/// A unit and its attempt, after a change of either.
struct UnitAttempt {
  UnitRow unit;
  AttemptRow attempt;
};

/// Writer of the records; the only one there is, held by the owner lock. Each call is one transaction and durable when
/// it returns. One thread at a time. Errors of all: record_store, record_store_full, record_store_damaged, record_step
/// (the change is not legal in the present state).
class Store {
 public:
  /// Errors: record_store_locked, record_store_newer, record_tip (records were cut or added outside).
  static Result<std::unique_ptr<Store>> open(StoreOptions options);
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  /// Id, state and time are set here. Errors: batch_open.
  Result<BatchRow> create_batch(BatchRow draft);
  /// Errors: no_such_batch, batch_state.
  Result<BatchRow> change_batch(std::int64_t id, BatchState to, std::string reason);

  /// Reserves `unit` (its serial and MACs are new over all batches) and starts its first attempt.
  Result<UnitAttempt> reserve(UnitRow unit, AttemptRow attempt);
  /// A further attempt for a reserved unit.
  Result<UnitAttempt> start_attempt(AttemptRow attempt);
  /// The attempt passed and its identity is committed, in one transaction.
  Result<UnitAttempt> pass(AttemptRow ended);
  /// The attempt failed or was interrupted (`ended.state`, error_code); with a reason the unit is voided as well.
  Result<UnitAttempt> end_attempt(AttemptRow ended, std::optional<std::string> void_reason);
  /// Errors: no_such_unit.
  Result<UnitRow> void_unit(std::string_view serial, std::string reason);
  /// station_started, station_stopped or operator_action.
  Status note(RecordKind kind, StationNote note);

  /// Answers from the writer's own connection.
  RecordReader& read();
  /// A second connection that sees the records as they are now, for use on another thread; with the chain's end as the
  /// anchor has it.
  struct Snapshot {
    RecordReader reader;
    std::uint64_t count;
    std::string hash;
  };
  Result<Snapshot> snapshot();

 private:
  class Impl;
  explicit Store(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace flashline::line
