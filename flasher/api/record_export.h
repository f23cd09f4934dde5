#pragma once
// Records on their way out: JSON Lines with the chain's hashes, or a CSV of units.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "flasher/record/record_reader.h"
#include "flasher/record/store.h"
#include "imaging/core/error.h"

namespace flashline::line {

/// JSON Lines {"hash":…,"record":…}, some at a time. Blocks.
class RecordLines {
 public:
  RecordLines(std::shared_ptr<Store::Snapshot> snapshot, std::optional<std::int64_t> batch)
      : snapshot_{std::move(snapshot)}, batch_{batch} {}
  /// The next lines; empty: that was all. Errors: those of RecordReader.
  Result<std::string> next();

 private:
  std::shared_ptr<Store::Snapshot> snapshot_;
  std::optional<std::int64_t> batch_;
  std::uint64_t last_ = 0;
};

/// One row a unit with its last attempt; RFC 4180 with a header row. Blocks.
Result<std::string> units_csv(RecordReader& reader, const UnitFilter& filter);

}  // namespace flashline::line
