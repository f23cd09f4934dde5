#pragma once
// The one gate between an image and a board: what has not passed here is never handed out (promise 1).

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "flasher/engine/detail/content_map.h"
#include "flasher/engine/detail/fast_digest.h"
#include "imaging/core/digest.h"
#include "imaging/core/error.h"

namespace flashline::line::detail {

/// A piece as it was read, and what it has to be. Runs on a hash worker, so it owns or shares all it needs but `cell`.
struct PieceCheck {
  std::span<const std::byte> cell;  ///< the buffer; byte 0 is at content offset `start`
  ByteOffset start;
  std::vector<imaging::Extent> segments;
  imaging::HashTable hashes;  ///< units larger than a cell: `pin` stands for them
  std::optional<Sha256> pin;  ///< SHA-256 of all segments, if the piece was read before
  std::uint64_t granule = 0;
  std::uint64_t granule_base = 0;
};

/// What was found out on the way, once all is right.
struct CheckedPiece {
  std::optional<Sha256> pin;                                   ///< only where no hash table vouches for the piece
  std::vector<std::pair<std::uint64_t, FastDigest>> granules;  ///< number and digest of those that lie wholly in it
  std::uint64_t hashed = 0;                                    ///< bytes through SHA-256
};

/// Errors: chunk_hash, image_changed.
Result<CheckedPiece> check_piece(const PieceCheck& piece);

}  // namespace flashline::line::detail
