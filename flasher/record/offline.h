#pragma once
// The records of a station that is not running.

#include <filesystem>

#include "flasher/record/record_reader.h"
#include "flasher/record/state_lock.h"
#include "imaging/core/error.h"

namespace flashline::line {

/// While it lives no station can start on the folder.
struct OfflineRecords {
  StateLock lock;
  RecordReader reader;
};

/// Opens the records for reading. Errors: record_store_locked (ask the station instead), record_store,
/// record_store_newer.
Result<OfflineRecords> open_offline(const std::filesystem::path& state_folder);

}  // namespace flashline::line
