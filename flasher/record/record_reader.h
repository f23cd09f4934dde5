#pragma once
// Questions to the records. Never changes anything.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "flasher/record/record.h"
#include "flasher/record/rows.h"
#include "imaging/core/error.h"

namespace flashline::line {

namespace detail {
class Database;
}

/// How a batch stands.
struct BatchCounts {
  std::uint64_t passed = 0;           ///< units committed
  std::uint64_t voided = 0;           ///< units voided
  std::uint64_t reserved = 0;         ///< units in work
  std::uint64_t failed_attempts = 0;  ///< attempts that failed or were interrupted
  bool operator==(const BatchCounts&) const = default;
};

struct UnitFilter {
  std::optional<std::int64_t> batch;
  std::optional<UnitState> state;
};

/// A record as it lies in the log.
struct StoredRecord {
  std::uint64_t seq = 0;
  std::string kind;
  std::int64_t batch = 0;  ///< 0: of no batch
  std::string serial;      ///< empty: of no unit
  std::string body;        ///< canonical JSON
  std::string hash;
};

/// Reads through one connection; one thread at a time. Errors of all: record_store, record_store_damaged,
/// record_malformed.
class RecordReader {
 public:
  explicit RecordReader(std::shared_ptr<detail::Database> database) : database_{std::move(database)} {}

  Result<std::optional<BatchRow>> batch(std::int64_t id);
  /// The one batch that is running or paused.
  Result<std::optional<BatchRow>> open_batch();
  Result<std::vector<BatchRow>> batches();
  Result<BatchCounts> counts(std::int64_t batch);

  Result<std::optional<UnitRow>> unit(std::string_view serial);
  /// The unit that ever had this MAC.
  Result<std::optional<UnitRow>> unit_with_mac(std::string_view mac);
  /// The unit of this batch that was committed on `medium`.
  Result<std::optional<UnitRow>> committed_on(std::int64_t batch, std::string_view medium);
  /// By batch and number.
  Result<std::vector<UnitRow>> units(const UnitFilter& filter = {});
  /// Number that the batch's next unit will have.
  Result<std::int64_t> next_number(std::int64_t batch);
  /// One past the highest index ever taken from the pool; 0: none was.
  Result<std::int64_t> next_serial_index(std::string_view pool);
  Result<std::int64_t> next_mac_index(std::string_view pool);

  /// In order of their number.
  Result<std::vector<AttemptRow>> attempts(std::string_view serial);
  Result<std::optional<AttemptRow>> attempt(std::string_view serial, std::int64_t number);
  /// Attempts that have no end.
  Result<std::vector<AttemptRow>> running_attempts();

  /// Every record in order, those of one batch, or those with seq > `after`.
  Status each_record(std::optional<std::int64_t> batch, std::uint64_t after,
                     const std::function<Status(const StoredRecord&)>& each);

  detail::Database& database() { return *database_; }

 private:
  std::shared_ptr<detail::Database> database_;
};

}  // namespace flashline::line
