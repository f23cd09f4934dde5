#include "flasher/engine/detail/piece_check.h"

#include <algorithm>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/errors/image.h"

namespace flashline::line::detail {
namespace {

using imaging::Extent;

std::span<const std::byte> bytes_of(const PieceCheck& piece, const Extent& extent) {
  return piece.cell.subspan(extent.at.value - piece.start.value, extent.length.value);
}

Status check_units(const PieceCheck& piece, const Extent& segment) {
  const auto bytes = bytes_of(piece, segment);
  const std::uint64_t first = (segment.at.value - piece.hashes.origin.value) / piece.hashes.unit;
  for (std::size_t at = 0; at < bytes.size(); at += piece.hashes.unit) {
    const std::uint64_t number = first + at / piece.hashes.unit;
    const auto unit = bytes.subspan(at, std::min<std::size_t>(piece.hashes.unit, bytes.size() - at));
    if (sha256(unit) != (*piece.hashes.digests)[number]) {
      return fail(errc::chunk_hash,
                  fmt::format("hash unit {} at offset {} does not match its digest", number, segment.at.value + at));
    }
  }
  return {};
}

Result<Sha256> check_pin(const PieceCheck& piece) {
  Sha256Stream stream;
  for (const auto& segment : piece.segments) stream.update(bytes_of(piece, segment));
  const Sha256 found = stream.finish();
  if (piece.pin && found != *piece.pin) {
    return fail(errc::image_changed,
                fmt::format("the content at offset {} is not what it was when it was read first", piece.start.value));
  }
  return found;
}

void digest_granules(const PieceCheck& piece, const Extent& segment, CheckedPiece& checked) {
  const std::uint64_t end = segment.at.value + segment.length.value;
  std::uint64_t number = (segment.at.value - piece.granule_base + piece.granule - 1) / piece.granule;
  for (;; ++number) {
    const Extent granule{ByteOffset{piece.granule_base + number * piece.granule}, ByteCount{piece.granule}};
    if (granule.at.value + piece.granule > end) return;
    checked.granules.emplace_back(number, fast_digest(bytes_of(piece, granule)));
  }
}

}  // namespace

Result<CheckedPiece> check_piece(const PieceCheck& piece) {
  CheckedPiece checked;
  const bool by_units =
      piece.hashes.digests && !piece.hashes.digests->empty() && piece.hashes.unit <= piece.cell.size();
  if (!by_units) {
    FL_TRY(checked.pin, check_pin(piece));
  }
  for (const auto& segment : piece.segments) {
    if (by_units) FL_CHECK(check_units(piece, segment));
    digest_granules(piece, segment, checked);
    checked.hashed += segment.length.value;
  }
  return checked;
}

}  // namespace flashline::line::detail
