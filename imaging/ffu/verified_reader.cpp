#include "imaging/ffu/verified_reader.h"

#include <string>
#include <utility>

#include "imaging/core/errors/image.h"
#include "imaging/source/plan_view.h"

namespace flashline::imaging::ffu {

VerifiedReader::VerifiedReader(int fd, ByteCount file_size, HashTable hashes)
    : fd_{fd}, file_size_{file_size}, hashes_{std::move(hashes)} {}

ByteOffset VerifiedReader::position() const {
  const std::uint64_t loaded = hashes_.origin.value + next_ * hashes_.unit;
  return ByteOffset{loaded - (chunk_.size() - used_)};
}

std::uint64_t VerifiedReader::left() const {
  return file_size_.value < position().value ? 0 : file_size_.value - position().value;
}

Status VerifiedReader::load_next(const char* field) {
  const std::uint64_t at = hashes_.origin.value + next_ * hashes_.unit;
  if (at > file_size_.value || file_size_.value - at < hashes_.unit) {
    return fail(errc::truncated, std::string{field} + " lies in the chunk at offset " + std::to_string(at) +
                                     ", the file ends at " + std::to_string(file_size_.value));
  }
  if (next_ >= hashes_.digests->size()) {
    return fail(errc::ffu_hash_table_short, std::to_string(hashes_.digests->size()) + " digests, but " + field +
                                                " lies in chunk " + std::to_string(next_));
  }
  chunk_.resize(hashes_.unit);
  used_ = chunk_.size();
  FL_CHECK(read_exactly(fd_, ByteOffset{at}, chunk_));
  if (sha256(chunk_) != (*hashes_.digests)[next_]) {
    chunk_.clear();  // nobody may go on with it
    used_ = 0;
    return fail(errc::chunk_hash, "metadata chunk " + std::to_string(next_) + " at offset " + std::to_string(at));
  }
  ++next_;
  used_ = 0;
  return {};
}

Result<std::span<const std::byte>> VerifiedReader::take(std::uint64_t count, const char* field) {
  if (count <= chunk_.size() - used_) {
    const auto piece = std::span{chunk_}.subspan(used_, static_cast<std::size_t>(count));
    used_ += piece.size();
    return piece;
  }
  if (count > left()) {
    return fail(errc::truncated, std::string{field} + " at offset " + std::to_string(position().value) + " needs " +
                                     std::to_string(count) + " bytes, the file has " + std::to_string(left()));
  }
  joined_.clear();
  while (joined_.size() < count) {
    if (used_ == chunk_.size()) FL_CHECK(load_next(field));
    const std::size_t piece =
        std::min<std::size_t>(chunk_.size() - used_, static_cast<std::size_t>(count) - joined_.size());
    const auto from = chunk_.begin() + static_cast<std::ptrdiff_t>(used_);
    joined_.insert(joined_.end(), from, from + static_cast<std::ptrdiff_t>(piece));
    used_ += piece;
  }
  return joined_;
}

}  // namespace flashline::imaging::ffu
