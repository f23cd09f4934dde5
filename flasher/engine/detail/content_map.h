#pragma once
// How content is cut into the pieces that are loaded, checked and handed out as one.

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "imaging/core/error.h"
#include "imaging/core/units.h"
#include "imaging/source/block_plan.h"
#include "imaging/source/image.h"

namespace flashline::line::detail {

/// What table phases or what all other phases use of one cell of content. Tables are pieces of their own, since they
/// are written long after (and before) the data beside them: so every byte is needed in one stretch of time only.
struct PieceKey {
  std::uint64_t cell = 0;
  bool table = false;
  auto operator<=>(const PieceKey&) const = default;
};

/// Content in cells of one buffer each. A piece is one or more segments of its cell, and lies in its buffer as it lies
/// in the cell. Immutable.
class ContentMap {
 public:
  static constexpr std::uint64_t cell_size = 1_MiB;

  /// Errors: content_unvouched.
  static Result<ContentMap> of(std::span<const imaging::StorePlan> stores, std::optional<ByteCount> content_size);

  PieceKey piece_of(ByteOffset content, bool table) const;
  /// The piece that holds all of content [at, at + length), which lies in one cell; of two the one for `table`.
  std::optional<PieceKey> piece_with(ByteOffset at, ByteCount length, bool table) const;
  ByteOffset start_of(std::uint64_t cell) const { return ByteOffset{base_ + cell * cell_size}; }
  /// Bytes from `content` to the end of its cell.
  std::uint64_t left_in_cell(ByteOffset content) const;
  /// What a piece consists of, ascending: whole hash units where there is a hash table.
  std::vector<imaging::Extent> segments(PieceKey piece) const;
  /// Every piece there is, ascending.
  std::vector<PieceKey> pieces() const;

  /// Content is digested for read-back in granules of this size, counted from offset granule_base().
  std::uint64_t granule() const { return granule_; }
  std::uint64_t granule_base() const { return base_; }
  const imaging::HashTable& hashes() const { return hashes_; }
  bool has_digests() const { return hashes_.digests && !hashes_.digests->empty(); }
  /// Hash units that do not fit one buffer are checked as a whole first, and pin their pieces.
  bool has_large_units() const { return has_digests() && hashes_.unit > cell_size; }
  /// End of the content where it is known.
  std::optional<ByteCount> content_size() const { return content_size_; }
  /// Bytes of all segments: what one pass over the image reads.
  ByteCount total() const;

 private:
  std::vector<imaging::Extent>& uses(bool table) { return table ? table_uses_ : data_uses_; }
  const std::vector<imaging::Extent>& uses(bool table) const { return table ? table_uses_ : data_uses_; }

  std::uint64_t base_ = 0;
  std::uint64_t granule_ = 256_KiB;
  imaging::HashTable hashes_;
  std::optional<ByteCount> content_size_;
  std::vector<imaging::Extent> data_uses_;
  std::vector<imaging::Extent> table_uses_;
};

}  // namespace flashline::line::detail
