#pragma once
// The export of the records as pieces of an HTTP answer, so that no export is ever held in memory as a whole.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "flasher/record/store.h"
#include "imaging/core/error.h"

namespace flashline::line {

/// JSON Lines of export_log(), some at a time. Blocks.
class RecordLines {
 public:
  RecordLines(std::shared_ptr<Store::Snapshot> snapshot, std::optional<std::int64_t> batch)
      : snapshot_{std::move(snapshot)}, batch_{batch} {}
  /// The next lines; empty: that was all. Errors: those of export_log().
  Result<std::string> next();

 private:
  std::shared_ptr<Store::Snapshot> snapshot_;
  std::optional<std::int64_t> batch_;
  std::uint64_t last_ = 0;
};

}  // namespace flashline::line
