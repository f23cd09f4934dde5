#pragma once
// Where the bytes of an image come from once its plan is known.

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include "imaging/core/error.h"
#include "imaging/core/units.h"

namespace flashline::imaging {

/// Owner of a file descriptor.
class FileHandle {
 public:
  FileHandle() = default;
  explicit FileHandle(int fd) : fd_{fd} {}
  ~FileHandle() { reset(); }
  FileHandle(FileHandle&& other) noexcept : fd_{other.release()} {}
  FileHandle& operator=(FileHandle&& other) noexcept {
    if (this != &other) reset(other.release());
    return *this;
  }
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }
  void reset(int fd = -1);

 private:
  int fd_ = -1;
};

/// Bytes that come only in order: a decompressor.
class ByteStream {
 public:
  virtual ~ByteStream() = default;
  /// Fills `out` as far as bytes are left; 0 means the end. Errors: image_read, bad_compression, truncated, too_large.
  virtual Result<std::size_t> read(std::span<std::byte> out) = 0;
};

/// The content that Run::Source::content refers to. Exactly one of `file` and `stream` is there.
struct Content {
  FileHandle file;                     ///< content offset = file offset; read with pread
  std::unique_ptr<ByteStream> stream;  ///< has to go through a spool first
  std::optional<ByteCount> size;       ///< total, where it is known before the stream ended
  /// The stream checks what it gave only afterwards (a block map's ranges): no byte of it goes to a target before its
  /// end.
  bool checked_at_end = false;
};

}  // namespace flashline::imaging
