#include "transport/fastboot/sparse_file.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "imaging/core/little_endian.h"

namespace flashline::transport {
namespace {

constexpr std::uint32_t magic = 0xED26FF3A;
enum Type : std::uint16_t { raw_chunk = 0xCAC1, fill_chunk = 0xCAC2, skip_chunk = 0xCAC3 };
// Where the totals stand in the file's header.
constexpr std::size_t blocks_at = 16;
constexpr std::size_t chunks_at = 20;

}  // namespace

SparseFile::SparseFile(std::uint32_t block_size) : block_size_{block_size} {
  std::array<std::byte, header_size> header{};
  const auto at = [&](std::size_t offset) { return std::span{header}.subspan(offset); };
  store32(at(0), magic);
  store16(at(4), 1);
  store16(at(8), header_size);
  store16(at(10), chunk_header_size);
  store32(at(12), block_size);
  add_own(header);
}

void SparseFile::skip(std::uint32_t blocks) { chunk(skip_chunk, blocks, {}); }

void SparseFile::zeros(std::uint32_t blocks) { chunk(fill_chunk, blocks, std::array<std::byte, 4>{}); }

void SparseFile::raw(std::span<const std::byte> bytes) {
  chunk(raw_chunk, static_cast<std::uint32_t>(bytes.size() / block_size_), bytes);
}

void SparseFile::chunk(std::uint16_t type, std::uint32_t blocks, std::span<const std::byte> body) {
  std::array<std::byte, chunk_header_size> header{};
  store16(header, type);
  store32(std::span{header}.subspan(4), blocks);
  store32(std::span{header}.subspan(8), static_cast<std::uint32_t>(chunk_header_size + body.size()));
  add_own(header);
  if (type == raw_chunk) {
    pieces_.push_back({size_, body.size(), 0, body.data()});
    size_ += body.size();
  } else {
    add_own(body);
  }
  blocks_ += blocks;
  ++chunks_;
  set_totals();
}

void SparseFile::add_own(std::span<const std::byte> bytes) {
  if (bytes.empty()) return;
  pieces_.push_back({size_, bytes.size(), own_.size(), nullptr});
  own_.insert(own_.end(), bytes.begin(), bytes.end());
  size_ += bytes.size();
}

void SparseFile::set_totals() {
  store32(std::span{own_}.subspan(blocks_at), blocks_);
  store32(std::span{own_}.subspan(chunks_at), chunks_);
}

void SparseFile::read(std::uint64_t at, std::span<std::byte> into) const {
  auto piece = std::prev(std::ranges::upper_bound(pieces_, at, {}, &Piece::at));
  while (!into.empty()) {
    const std::size_t skipped = static_cast<std::size_t>(at - piece->at);
    const std::size_t count = std::min(into.size(), piece->length - skipped);
    const std::byte* const from = piece->memory != nullptr ? piece->memory : own_.data() + piece->own;
    std::memcpy(into.data(), from + skipped, count);
    into = into.subspan(count);
    at += count;
    ++piece;
  }
}

}  // namespace flashline::transport
