#pragma once
// Are the records as they were written?

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "flasher/record/record_reader.h"
#include "flasher/record/store.h"
#include "imaging/core/error.h"

namespace flashline::line {

/// Something that is not as it was written.
struct VerifyFinding {
  std::uint64_t seq = 0;  ///< the record concerned; 0: none, a table or the end of the log
  std::string text;       ///< what is wrong, naming record, row or table
};

/// What the check found. What it cannot find: whoever may write both records.db and records.anchor can make the whole
/// log anew, or put back an older copy of both. `tip_hash` is there to be kept elsewhere: a log that still contains it
/// at `records` was not changed up to there.
struct VerifyReport {
  std::uint64_t records = 0;
  std::string tip_hash;
  std::vector<VerifyFinding> findings;  ///< in order of finding; not more than 100
  bool ok() const { return findings.empty(); }
  /// Lowest record concerned; none when the findings are about tables only.
  std::optional<std::uint64_t> first_bad() const;
};

/// Checks a state folder that no station is using. Nothing is changed.
/// Errors: record_store_locked (ask the station instead), record_store, record_store_damaged, record_store_newer.
Result<VerifyReport> verify_records(const std::filesystem::path& state_folder);

/// Checks a running station's records as of the snapshot.
Result<VerifyReport> verify_records(Store::Snapshot& snapshot);

}  // namespace flashline::line
