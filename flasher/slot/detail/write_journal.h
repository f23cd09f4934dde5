#pragma once
// What of a unit's board is known to be on its medium, kept across everything that may happen to board and station, so
// that the next attempt on the same board goes on instead of beginning anew. One text file a unit.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "imaging/core/error.h"
#include "imaging/source/block_plan.h"
#include "imaging/source/content.h"

namespace flashline::line::detail {

/// What must be the same for a journal to be about this work. None of it may be empty but for the overlay.
struct JournalKey {
  std::string serial;
  std::string medium;
  std::uint64_t capacity = 0;
  std::string image_digest;
  std::string overlay_digest;
};

/// A journal says less than what is true rather than more: a stretch is added after the flush that covers it, a torn
/// last line is left out, and a journal about anything else is thrown away. It is a hint even so: whoever resumes
/// compares before believing.
class WriteJournal {
 public:
  /// Reads the unit's journal in `folder`, or begins one. Blocks. Errors: record_store.
  static Result<std::shared_ptr<WriteJournal>> open(const std::filesystem::path& folder, const JournalKey& key);
  /// The unit needs none any more. Blocks.
  static void remove(const std::filesystem::path& folder, const std::string& serial);

  /// What was durable when it was opened: ascending, apart from each other.
  const std::vector<imaging::Extent>& durable() const { return durable_; }
  /// Appends and syncs. Blocks. Errors: record_store; the journal then says less, which harms nobody.
  Status add(const std::vector<imaging::Extent>& extents);

 private:
  WriteJournal(imaging::FileHandle file, std::vector<imaging::Extent> durable)
      : file_{std::move(file)}, durable_{std::move(durable)} {}
  imaging::FileHandle file_;
  std::vector<imaging::Extent> durable_;
};

/// Ascending and joined where they touch or overlap.
std::vector<imaging::Extent> joined(std::vector<imaging::Extent> extents);

}  // namespace flashline::line::detail
