#pragma once
// The metadata of an image as bytes that were checked before anybody sees them.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "imaging/core/digest.h"
#include "imaging/core/error.h"
#include "imaging/core/units.h"
#include "imaging/source/block_plan.h"

namespace flashline::imaging::ffu {

/// Hands out the bytes from the hash table's origin on, in file order. A chunk is read whole and compared with its
/// digest before the first byte of it leaves. Holds one chunk and the last piece that crossed a border.
class VerifiedReader {
 public:
  /// `fd` stays the caller's.
  VerifiedReader(int fd, ByteCount file_size, HashTable hashes);

  /// The next `count` bytes; valid until the next call. The caller bounds `count`.
  /// Errors: truncated, image_read, ffu_hash_table_short, chunk_hash.
  Result<std::span<const std::byte>> take(std::uint64_t count, const char* field);
  /// Goes on to the next chunk border, where a region begins. Padding is covered by the digests but never looked at.
  void skip_to_border() { used_ = chunk_.size(); }

  /// Offset of the next byte in the file.
  ByteOffset position() const;
  /// Bytes of the file from position() on.
  std::uint64_t left() const;
  /// Chunks that were read.
  std::uint64_t chunks() const { return next_; }

 private:
  Status load_next(const char* field);

  int fd_;
  ByteCount file_size_;
  HashTable hashes_;
  std::uint64_t next_ = 0;        // number of the chunk that load_next reads
  std::vector<std::byte> chunk_;  // empty before the first
  std::size_t used_ = 0;
  std::vector<std::byte> joined_;
};

}  // namespace flashline::imaging::ffu
