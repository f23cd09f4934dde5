#pragma once
// Who gets which identity, decided in one go on the store's thread.

#include <cstdint>
#include <optional>
#include <string>

#include "flasher/batch/identity_source.h"
#include "flasher/record/store.h"
#include "imaging/core/error.h"

namespace flashline::line {

/// What an attempt needs to know before it begins.
struct UnitOrder {
  std::int64_t batch = 0;
  std::string kept;             ///< serial of the unit that the slot still holds from an earlier attempt; empty: none
  AttemptRow attempt;           ///< slot, target, medium and all else that is known beforehand
  bool refuse_finished = true;  ///< a medium that a unit of this batch was committed on is not taken again
};

/// "FL-000001-attempt-2.log". What a file name should not hold becomes '_', and then a piece of the serial's digest
/// keeps the names of different serials different.
std::string attempt_log_name(std::string_view serial, std::int64_t attempt);

/// The unit for the board in a slot, reserved durably and its attempt started.
/// A kept unit goes on when the medium is provably the same, else it is voided and a fresh identity is taken.
/// nullopt: the batch needs no further unit. Errors: board_finished, those of the store and of the source.
Result<std::optional<UnitAttempt>> take_unit(Store& store, IdentitySource& source, const UnitOrder& order);

/// How an attempt that did not pass leaves its unit: still reserved, or voided with this reason.
/// `attempts`: failed ones that a unit may have; `batch_open`: further attempts are wanted at all.
Result<std::optional<std::string>> void_reason(Store& store, const UnitRow& unit, const AttemptRow& ended,
                                               std::uint32_t attempts, bool batch_open);

/// A batch as it stands.
struct BatchView {
  BatchRow row;
  BatchCounts counts;
  std::optional<std::uint64_t> left;  ///< units that still have to be begun; none: no limit
  std::optional<double> yield;        ///< passed / (passed + voided); none before the first
};

/// The view of `batch`, after it was marked done when nothing is left and nothing in work.
Result<BatchView> settle_batch(Store& store, std::int64_t batch, const IdentitySource* source);
/// The view of `batch` as the records have it. `source_size`: units that its list has, when it has one.
Result<BatchView> view_batch(RecordReader& records, const BatchRow& batch, std::optional<std::uint64_t> source_size);

}  // namespace flashline::line
