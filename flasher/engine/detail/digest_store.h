#pragma once
// What is remembered of content once it was seen: enough to know it again.

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "flasher/engine/detail/content_map.h"
#include "flasher/engine/detail/fast_digest.h"
#include "flasher/engine/detail/piece_check.h"
#include "imaging/core/digest.h"

namespace flashline::line::detail {

/// Digests of one image's content. Event thread.
class DigestStore {
 public:
  void note(PieceKey piece, const CheckedPiece& checked);

  /// SHA-256 of a piece that no hash table vouches for, once it was read.
  std::optional<Sha256> pin(PieceKey piece) const;
  /// Pins a piece beforehand: part of a larger unit that was checked as a whole.
  void set_pin(PieceKey piece, const Sha256& digest) { pins_.insert_or_assign(piece, digest); }
  std::size_t pins() const { return pins_.size(); }
  /// SHA-256 over all pins in the order of content: names content that has no other digest.
  Sha256 digest_of_pins() const;

  /// Digest of content [at, at + length): a granule, or a part of one that a board was given. nullopt: not seen yet.
  std::optional<FastDigest> find(const ContentMap& map, ByteOffset at, std::uint64_t length) const;
  void note_part(ByteOffset at, std::uint64_t length, const FastDigest& digest) {
    parts_.insert_or_assign(imaging::Extent{at, ByteCount{length}}, digest);
  }

 private:
  std::map<PieceKey, Sha256> pins_;
  std::vector<std::optional<FastDigest>> granules_;
  std::map<imaging::Extent, FastDigest> parts_;
};

}  // namespace flashline::line::detail
