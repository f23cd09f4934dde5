#pragma once
// A file that appears complete or not at all.

#include <cstddef>
#include <filesystem>
#include <span>

#include "imaging/core/error.h"
#include "imaging/core/units.h"
#include "imaging/source/content.h"

namespace flashline::imaging {

/// Written without a name where the file system can (so that not even a kill leaves anything), else beside its path
/// under another name; commit() syncs it and puts it in its place. Without commit() nothing stays behind, and a file
/// that was there before is untouched.
class OutputFile {
 public:
  /// Errors: image_write, also where `path` is there and no regular file (a device would be replaced by a file).
  static Result<OutputFile> create(const std::filesystem::path& path);
  ~OutputFile();
  OutputFile(OutputFile&& other) noexcept;
  OutputFile& operator=(OutputFile&&) = delete;

  int fd() const { return file_.get(); }
  /// Errors: image_write.
  Status write(ByteOffset at, std::span<const std::byte> bytes);
  /// Makes it `size` bytes long; what was never written reads as zeros and takes no space. Errors: image_write.
  Status resize(ByteCount size);
  /// Errors: image_write.
  Status commit();

 private:
  OutputFile(std::filesystem::path path, std::filesystem::path temporary, FileHandle file);
  Status name_it();

  std::filesystem::path path_;
  std::filesystem::path temporary_;  // empty: it has no name, or was committed
  FileHandle file_;
};

}  // namespace flashline::imaging
