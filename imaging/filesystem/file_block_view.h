#pragma once
// A file, or a part of it, as a disk that can be written: an image under construction.

#include "imaging/core/block_view.h"

namespace flashline::imaging {

/// `[start, start + size)` of a file. `fd` is open for reading and writing and stays the caller's; what lies behind the
/// file's end reads as zeros. Errors of its members: image_read, image_write.
class FileBlockView final : public WritableBlockView {
 public:
  FileBlockView(int fd, ByteOffset start, ByteCount size) : fd_{fd}, start_{start}, size_{size} {}
  ByteCount size() const override { return size_; }
  Status read(ByteOffset at, std::span<std::byte> out) override;
  Status write(ByteOffset at, std::span<const std::byte> bytes) override;

 private:
  int fd_;
  ByteOffset start_;
  ByteCount size_;
};

}  // namespace flashline::imaging
