#pragma once
// A disk, a partition or an image as bytes at offsets: what file systems are read from and edited through.

#include <cstddef>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "imaging/core/error.h"
#include "imaging/core/units.h"

namespace flashline {

/// Bytes that can be read at any offset. Reads past size() are an error (image_read), never short.
class BlockView {
 public:
  virtual ~BlockView() = default;
  virtual ByteCount size() const = 0;
  virtual Status read(ByteOffset at, std::span<std::byte> out) = 0;
};

/// A BlockView that can also be written.
class WritableBlockView : public BlockView {
 public:
  virtual Status write(ByteOffset at, std::span<const std::byte> bytes) = 0;
};

/// A window of `view`: a partition of a disk. `view` outlives it.
class SubView final : public WritableBlockView {
 public:
  SubView(WritableBlockView& view, ByteOffset start, ByteCount length) : view_{view}, start_{start}, length_{length} {}
  ByteCount size() const override { return length_; }
  Status read(ByteOffset at, std::span<std::byte> out) override;
  Status write(ByteOffset at, std::span<const std::byte> bytes) override;

 private:
  Status check(ByteOffset at, std::size_t count) const;
  WritableBlockView& view_;
  ByteOffset start_;
  ByteCount length_;
};

/// Copy-on-write pages over a view that is never written. `base` outlives it.
class CowView final : public WritableBlockView {
 public:
  /// Granularity of a changed page: every page border is a sector border on 512 and 4096 byte media.
  static constexpr std::size_t page_size = 4096;

  explicit CowView(BlockView& base) : base_{base} {}
  ByteCount size() const override { return base_.size(); }
  Status read(ByteOffset at, std::span<std::byte> out) override;
  Status write(ByteOffset at, std::span<const std::byte> bytes) override;

  /// Changed pages by page number, in ascending order. The last page may be shorter when size() is no multiple of it.
  const std::map<std::uint64_t, std::vector<std::byte>>& pages() const { return pages_; }

 private:
  Result<std::vector<std::byte>*> page(std::uint64_t number);
  BlockView& base_;
  std::map<std::uint64_t, std::vector<std::byte>> pages_;
};

}  // namespace flashline
