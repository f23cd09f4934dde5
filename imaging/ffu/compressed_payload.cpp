#include "imaging/ffu/compressed_payload.h"

#include <algorithm>
#include <string>
#include <utility>

#include "imaging/core/errors/image.h"
#include "imaging/ffu/compression/decompress.h"
#include "imaging/source/plan_view.h"

namespace flashline::imaging::ffu {
namespace {

Status decompress(Compression compression, std::span<const std::byte> in, std::span<std::byte> out) {
  switch (compression) {
    case Compression::lznt1:
      return decompress_lznt1(in, out);
    case Compression::xpress:
      return decompress_xpress(in, out);
    case Compression::xpress_huffman:
      return decompress_xpress_huffman(in, out);
    case Compression::none:
      break;
  }
  return fail(errc::ffu_data_size, "an entry that is neither stored as it is nor compressed");
}

}  // namespace

CompressedPayload::CompressedPayload(FileHandle file, ByteOffset start, const StoreHeader& header,
                                     std::vector<StoreLayout::Stored> stored, HashTable digests)
    : file_{std::move(file)}, compression_{header.compression}, digests_{std::move(digests)} {
  std::uint64_t stored_at = start.value;
  entries_.reserve(stored.size());
  for (const auto& entry : stored) {
    entries_.push_back({plain_end_, stored_at, entry.size});
    plain_end_ += std::uint64_t{entry.blocks} * header.block_size;
    stored_at += entry.size;
  }
}

std::uint64_t CompressedPayload::plain_size(std::size_t entry) const {
  const std::uint64_t end = entry + 1 < entries_.size() ? entries_[entry + 1].plain_at : plain_end_;
  return end - entries_[entry].plain_at;
}

Status CompressedPayload::check(std::size_t entry) const {
  const std::uint64_t first = entries_[entry].plain_at / digests_.unit;
  for (std::uint64_t i = 0; i * digests_.unit < plain_.size(); ++i) {
    const auto block = std::span{plain_}.subspan(i * digests_.unit, digests_.unit);
    if (sha256(block) != (*digests_.digests)[first + i]) {
      return fail(errc::chunk_hash, "payload block " + std::to_string(first + i) + ", decompressed");
    }
  }
  return {};
}

Status CompressedPayload::load(std::size_t entry) {
  if (loaded_ == entry) return {};
  loaded_.reset();
  stored_.resize(entries_[entry].stored_size);
  plain_.resize(static_cast<std::size_t>(plain_size(entry)));
  FL_CHECK(read_exactly(file_.get(), ByteOffset{entries_[entry].stored_at}, stored_));
  if (stored_.size() == plain_.size()) {
    plain_ = stored_;  // a block that compression would not make shorter
  } else if (auto done = decompress(compression_, stored_, plain_); !done) {
    return std::unexpected{in_context("payload entry " + std::to_string(entry), std::move(done).error())};
  }
  FL_CHECK(check(entry));
  loaded_ = entry;
  return {};
}

Status CompressedPayload::read_at(ByteOffset at, std::span<std::byte> out) {
  if (at.value > plain_end_ || out.size() > plain_end_ - at.value) {
    return fail(errc::truncated, "the payload ends at byte " + std::to_string(plain_end_));
  }
  while (!out.empty()) {
    const auto next = std::ranges::upper_bound(entries_, at.value, {}, &Entry::plain_at);
    const auto entry = static_cast<std::size_t>(next - entries_.begin()) - 1;
    FL_CHECK(load(entry));
    const auto from = std::span{plain_}.subspan(static_cast<std::size_t>(at.value - entries_[entry].plain_at));
    const auto piece = from.first(std::min(from.size(), out.size()));
    std::ranges::copy(piece, out.begin());
    out = out.subspan(piece.size());
    at.value += piece.size();
  }
  return {};
}

Result<std::size_t> CompressedPayload::read(std::span<std::byte> out) {
  const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), plain_end_ - position_));
  FL_CHECK(read_at(ByteOffset{position_}, out.first(count)));
  position_ += count;
  return count;
}

}  // namespace flashline::imaging::ffu
