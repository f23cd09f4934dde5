#include <algorithm>
#include <array>
#include <spdlog/fmt/fmt.h>
#include <utility>
#include <vector>

#include "imaging/core/byte_reader.h"
#include "imaging/core/crc32.h"
#include "imaging/core/errors/image.h"
#include "imaging/source/android_sparse.h"
#include "imaging/source/byte_streams.h"

namespace flashline::imaging {
namespace {

using detail::SparseChunk;
using Kind = SparseChunk::Kind;

/// Expands chunk after chunk. libsparse counts holes as zeros in its checksums, and so does this.
class SparseStream final : public ByteStream {
 public:
  SparseStream(std::unique_ptr<ByteStream> inner, const SparseHeader& header)
      : inner_{std::move(inner)}, header_{header} {}

  Result<std::size_t> read(std::span<std::byte> out) override {
    while (left_ == 0) {
      if (chunk_number_ == header_.chunks) {
        if (!ended_) FL_CHECK(check_end());
        return std::size_t{0};
      }
      FL_CHECK(next_chunk());
    }
    const auto piece = out.first(static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), left_)));
    FL_CHECK(produce(piece));
    sum_ = crc32(piece, sum_);
    left_ -= piece.size();
    return piece.size();
  }

 private:
  Result<std::span<const std::byte>> take(std::size_t count) {
    const auto have = std::span{buffer_}.first(count);
    FL_TRY(const auto got, read_fully(*inner_, have));
    at_ += got;
    return std::span<const std::byte>{have.first(got)};
  }

  Status skip(std::size_t count) {
    std::vector<std::byte> ignored(count);
    FL_TRY(const auto got, read_fully(*inner_, ignored));
    at_ += got;
    return got == count ? Status{} : fail(errc::truncated, "the sparse image ends inside a header");
  }

  Result<std::uint32_t> word() {
    FL_TRY(const auto bytes, take(4));
    return ByteReader{bytes, ByteOffset{at_}}.u32("sparse chunk data");
  }

  Status next_chunk() {
    if (chunk_number_ == 0) FL_CHECK(skip(header_.file_header_size - SparseHeader::length));
    const ByteOffset at{at_};
    FL_TRY(const auto bytes, take(12));
    FL_TRY(chunk_, detail::parse_sparse_chunk(header_, bytes, at));
    FL_CHECK(skip(header_.chunk_header_size - 12U));
    if (chunk_.blocks > header_.blocks - blocks_) {
      return fail(errc::sparse_chunk,
                  fmt::format("chunk {} reaches past the image's {} blocks", chunk_number_, header_.blocks));
    }
    if (chunk_.kind == Kind::fill) {
      FL_TRY(const auto value, word());
      for (std::size_t i = 0; i < fill_.size(); ++i) fill_[i] = static_cast<std::byte>(value >> (8 * i));
    }
    if (chunk_.kind == Kind::crc32) {
      FL_TRY(const auto expected, word());
      FL_CHECK(check_sum(expected));
    }
    blocks_ += chunk_.blocks;
    left_ = std::uint64_t{chunk_.blocks} * header_.block_size;
    ++chunk_number_;
    return {};
  }

  Status produce(std::span<std::byte> out) {
    if (chunk_.kind == Kind::raw) {
      FL_TRY(const auto got, read_fully(*inner_, out));
      at_ += got;
      if (got == out.size()) return {};
      return fail(errc::truncated, fmt::format("the sparse image ends inside chunk {}", chunk_number_ - 1));
    }
    if (chunk_.kind == Kind::dont_care) {
      std::ranges::fill(out, std::byte{});
      return {};
    }
    const std::uint64_t phase = std::uint64_t{chunk_.blocks} * header_.block_size - left_;
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = fill_[(phase + i) % fill_.size()];
    return {};
  }

  Status check_sum(std::uint32_t expected) const {
    if (expected == sum_) return {};
    return fail(errc::sparse_checksum,
                fmt::format("the file says {:08X}, the first {} blocks have {:08X}", expected, blocks_, sum_));
  }

  Status check_end() {
    if (blocks_ != header_.blocks) {
      return fail(errc::sparse_chunk, fmt::format("the chunks hold {} of {} blocks", blocks_, header_.blocks));
    }
    if (header_.checksum != 0) FL_CHECK(check_sum(header_.checksum));
    FL_TRY(const auto more, take(1));
    if (!more.empty())
      return fail(errc::trailing_data, fmt::format("the last sparse chunk ends at offset {}", at_ - 1));
    ended_ = true;
    return {};
  }

  std::unique_ptr<ByteStream> inner_;
  SparseHeader header_;
  SparseChunk chunk_;
  std::uint32_t chunk_number_ = 0;  // of the next one
  std::uint64_t left_ = 0;          // bytes of this chunk's expansion
  std::uint32_t blocks_ = 0;
  std::uint32_t sum_ = 0;
  std::array<std::byte, 4> fill_{};
  std::uint64_t at_ = SparseHeader::length;  // in the sparse file
  bool ended_ = false;
  std::array<std::byte, 12> buffer_{};
};

}  // namespace

Result<ExpandedSparse> expand_sparse(std::unique_ptr<ByteStream> inner) {
  std::array<std::byte, SparseHeader::length> start{};
  FL_TRY(const auto got, read_fully(*inner, start));
  FL_TRY(const auto header, parse_sparse_header(std::span{start}.first(got)));
  if (header.image_size().value == 0) return fail(errc::truncated, "the sparse image is empty");
  return ExpandedSparse{std::make_unique<SparseStream>(std::move(inner), header), header.image_size()};
}

}  // namespace flashline::imaging
