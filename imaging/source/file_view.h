#pragma once
// Files as views and as bytes to be counted.

#include <filesystem>
#include <span>
#include <vector>

#include "imaging/core/block_view.h"
#include "imaging/source/content.h"

namespace flashline::imaging {

/// Opens a regular file or block device for reading. Errors: image_open.
Result<FileHandle> open_for_reading(const std::filesystem::path& path);

/// Bytes of the file or device `fd`. Errors: image_read.
Result<ByteCount> size_of(int fd);

/// The first bytes of `fd`, as many as there are, `limit` at most. Errors: image_read.
Result<std::vector<std::byte>> read_start(int fd, std::size_t limit);

/// The first `size` bytes of a file. `fd` stays the caller's.
class FileView final : public BlockView {
 public:
  FileView(int fd, ByteCount size) : fd_{fd}, size_{size} {}
  ByteCount size() const override { return size_; }
  Status read(ByteOffset at, std::span<std::byte> out) override;

 private:
  int fd_;
  ByteCount size_;
};

/// Bytes in memory. They outlive the view.
class MemoryView final : public BlockView {
 public:
  explicit MemoryView(std::span<const std::byte> bytes) : bytes_{bytes} {}
  ByteCount size() const override { return ByteCount{bytes_.size()}; }
  Status read(ByteOffset at, std::span<std::byte> out) override;

 private:
  std::span<const std::byte> bytes_;
};

}  // namespace flashline::imaging
