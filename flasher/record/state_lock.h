#pragma once
// One station owns a state folder. Two would give the same identity twice.

#include <filesystem>

#include "imaging/core/error.h"
#include "imaging/source/content.h"

namespace flashline::line {

/// Holds the folder's owner lock until it is destroyed or its process ends, however it ends.
class StateLock {
 public:
  /// Errors: record_store_locked (names the owner's process), record_store.
  static Result<StateLock> take(const std::filesystem::path& state_folder);

 private:
  explicit StateLock(imaging::FileHandle file) : file_{std::move(file)} {}
  imaging::FileHandle file_;
};

}  // namespace flashline::line
