#pragma once
// A folder for files that nobody needs afterwards.

#include <cstddef>
#include <filesystem>
#include <span>
#include <string_view>
#include <utility>

#include "imaging/core/error.h"

namespace flashline::imaging {

/// Made inside of `parent`, which is there; gone, with all in it, when this object is.
class ScratchFolder {
 public:
  /// Errors: image_write.
  static Result<ScratchFolder> make(const std::filesystem::path& parent);
  ~ScratchFolder();
  ScratchFolder(ScratchFolder&& other) noexcept;
  ScratchFolder& operator=(ScratchFolder&&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  explicit ScratchFolder(std::filesystem::path path) : path_{std::move(path)} {}
  std::filesystem::path path_;  // empty: another object has it
};

/// Writes `bytes` to `path`, which is replaced when it is there, and makes the folders above it. Errors: image_write.
Status write_small_file(const std::filesystem::path& path, std::span<const std::byte> bytes);
Status write_small_file(const std::filesystem::path& path, std::string_view text);

}  // namespace flashline::imaging
