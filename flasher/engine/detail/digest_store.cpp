#include "flasher/engine/detail/digest_store.h"

#include <algorithm>

namespace flashline::line::detail {

void DigestStore::note(PieceKey piece, const CheckedPiece& checked) {
  if (checked.pin) pins_.insert_or_assign(piece, *checked.pin);
  for (const auto& [number, digest] : checked.granules) {
    if (number >= granules_.size()) granules_.resize(number + 1);
    granules_[number] = digest;
  }
}

std::optional<Sha256> DigestStore::pin(PieceKey piece) const {
  const auto found = pins_.find(piece);
  return found == pins_.end() ? std::nullopt : std::optional{found->second};
}

Sha256 DigestStore::digest_of_pins() const {
  Sha256Stream stream;
  for (const auto& [piece, digest] : pins_) stream.update(digest);
  return stream.finish();
}

std::optional<FastDigest> DigestStore::find(const ContentMap& map, ByteOffset at, std::uint64_t length) const {
  const std::uint64_t from = at.value - map.granule_base();
  if (length == map.granule() && from % map.granule() == 0) {
    const std::uint64_t number = from / map.granule();
    return number < granules_.size() ? granules_[number] : std::nullopt;
  }
  const auto part = parts_.find(imaging::Extent{at, ByteCount{length}});
  return part == parts_.end() ? std::nullopt : std::optional{part->second};
}

}  // namespace flashline::line::detail
