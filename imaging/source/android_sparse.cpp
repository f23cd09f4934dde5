#include "imaging/source/android_sparse.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <spdlog/fmt/fmt.h>
#include <utility>

#include "imaging/core/byte_reader.h"
#include "imaging/core/crc32.h"
#include "imaging/core/errors/image.h"
#include "imaging/source/file_view.h"
#include "imaging/source/plan_view.h"

namespace flashline::imaging {
namespace {

using detail::SparseChunk;
using Kind = SparseChunk::Kind;

constexpr std::uint32_t magic = 0xED26FF3A;
constexpr std::uint32_t max_block = 64_MiB;
/// Fills other than zero become runs of blobs of this size. Real images have megabytes of them at most.
constexpr std::uint64_t fill_blob = 64_KiB;
constexpr std::uint64_t max_fill_blobs = 64_MiB;
constexpr std::uint64_t max_fill_runs = 1U << 20U;

/// Reads chunk after chunk of a file.
class SparseFile {
 public:
  SparseFile(int fd, ByteCount size) : view_{fd, size} {}

  Result<PlannedDisk> plan() {
    FL_TRY(const auto start, bytes_at(0, SparseHeader::length));
    FL_TRY(header_, parse_sparse_header(start));
    FL_CHECK(walk(&SparseFile::add));
    make_blobs();
    if (has_checksum_ || header_.checksum != 0) FL_CHECK(check_sums());
    image_.size = header_.image_size();
    if (image_.size.value == 0) return fail(errc::truncated, "the sparse image is empty");
    return with_table();
  }

 private:
  using Visit = Status (SparseFile::*)(const SparseChunk&, std::uint64_t);

  Result<std::span<const std::byte>> bytes_at(std::uint64_t at, std::size_t count) {
    const std::uint64_t left = view_.size().value - std::min(view_.size().value, at);
    const auto have = std::span{buffer_}.first(static_cast<std::size_t>(std::min<std::uint64_t>(count, left)));
    FL_CHECK(view_.read(ByteOffset{at}, have));
    return have;
  }

  /// Calls `visit` with each chunk and the offset of its data.
  Status walk(Visit visit) {
    std::uint64_t at = header_.file_header_size;
    block_ = 0;
    for (std::uint32_t i = 0; i < header_.chunks; ++i) {
      FL_TRY(const auto bytes, bytes_at(at, 12));
      FL_TRY(const auto chunk, detail::parse_sparse_chunk(header_, bytes, ByteOffset{at}));
      at += header_.chunk_header_size;
      if (at > view_.size().value || chunk.data > view_.size().value - at) {
        return fail(errc::truncated, fmt::format("sparse chunk {} needs {} bytes at offset {}", i, chunk.data, at));
      }
      if (chunk.blocks > header_.blocks - block_) {
        return fail(errc::sparse_chunk, fmt::format("chunk {} reaches past the image's {} blocks", i, header_.blocks));
      }
      FL_CHECK((this->*visit)(chunk, at));
      at += chunk.data;
      block_ += chunk.blocks;
    }
    if (block_ != header_.blocks) {
      return fail(errc::sparse_chunk, fmt::format("the chunks hold {} of {} blocks", block_, header_.blocks));
    }
    if (at == view_.size().value) return {};
    return fail(errc::trailing_data, fmt::format("the last sparse chunk ends at offset {}", at));
  }

  Result<std::uint32_t> word_at(std::uint64_t at) {
    FL_TRY(const auto bytes, bytes_at(at, 4));
    return ByteReader{bytes, ByteOffset{at}}.u32("sparse chunk data");
  }

  Status add(const SparseChunk& chunk, std::uint64_t data_at) {
    const std::uint64_t at = block_ * header_.block_size;
    const ByteCount length{std::uint64_t{chunk.blocks} * header_.block_size};
    if (chunk.kind == Kind::crc32) has_checksum_ = true;
    if (length.value == 0) return {};
    if (chunk.kind == Kind::raw) {
      image_.data.push_back({.place = {Place::Anchor::begin, at}, .length = length, .from = data_at});
    } else if (chunk.kind == Kind::fill) {
      FL_TRY(const auto value, word_at(data_at));
      if (value != 0) return add_fill(at, length.value, value);
      image_.data.push_back({.place = {Place::Anchor::begin, at}, .length = length, .source = Run::Source::zeros});
    }
    return {};
  }

  Status add_fill(std::uint64_t at, std::uint64_t length, std::uint32_t value) {
    auto& fill = fills_.try_emplace(value, Fill{fills_.size(), 0}).first->second;
    const std::uint64_t wanted = std::min(length, fill_blob);
    blob_bytes_ += wanted - std::min(wanted, fill.length);
    fill.length = std::max(fill.length, wanted);
    fill_runs_ += (length + fill_blob - 1) / fill_blob;
    if (fill_runs_ > max_fill_runs || blob_bytes_ > max_fill_blobs) {
      return fail(errc::too_large, "the sparse image is made of more fills than any real one");
    }
    for (std::uint64_t done = 0; done < length; done += fill_blob) {
      image_.data.push_back({.place = {Place::Anchor::begin, at + done},
                             .length = ByteCount{std::min(fill_blob, length - done)},
                             .source = Run::Source::blob,
                             .from = fill.blob});
    }
    return {};
  }

  void make_blobs() {
    image_.blobs.resize(fills_.size());
    for (const auto& [value, fill] : fills_) {
      auto& blob = image_.blobs[fill.blob];
      blob.resize(static_cast<std::size_t>(fill.length));
      for (std::size_t i = 0; i < blob.size(); ++i) blob[i] = static_cast<std::byte>(value >> (8 * (i % 4)));
    }
  }

  Status check_sums() {
    sum_ = 0;
    FL_CHECK(walk(&SparseFile::sum_up));
    if (header_.checksum == 0 || header_.checksum == sum_) return {};
    return fail(errc::sparse_checksum,
                fmt::format("the header says {:08X}, the image has {:08X}", header_.checksum, sum_));
  }

  Status sum_up(const SparseChunk& chunk, std::uint64_t data_at) {
    const std::uint64_t length = std::uint64_t{chunk.blocks} * header_.block_size;
    if (chunk.kind == Kind::raw) return sum_file(data_at, length);
    if (chunk.kind == Kind::dont_care) sum_ = crc32_of_zeros(length, sum_);
    if (chunk.kind == Kind::fill) {
      FL_TRY(const auto value, word_at(data_at));
      sum_fill(value, length);
    }
    if (chunk.kind == Kind::crc32) {
      FL_TRY(const auto expected, word_at(data_at));
      if (expected != sum_) {
        return fail(errc::sparse_checksum,
                    fmt::format("the chunk at offset {} says {:08X}, the image has {:08X}", data_at, expected, sum_));
      }
    }
    return {};
  }

  Status sum_file(std::uint64_t at, std::uint64_t length) {
    std::vector<std::byte> piece(static_cast<std::size_t>(std::min<std::uint64_t>(length, 1_MiB)));
    for (std::uint64_t done = 0; done < length;) {
      const auto part =
          std::span{piece}.first(static_cast<std::size_t>(std::min<std::uint64_t>(piece.size(), length - done)));
      FL_CHECK(view_.read(ByteOffset{at + done}, part));
      sum_ = crc32(part, sum_);
      done += part.size();
    }
    return {};
  }

  void sum_fill(std::uint32_t value, std::uint64_t length) {
    if (value == 0) {
      sum_ = crc32_of_zeros(length, sum_);
      return;
    }
    const std::span<const std::byte> blob{image_.blobs[fills_.at(value).blob]};
    for (std::uint64_t done = 0; done < length; done += blob.size()) {
      sum_ = crc32(blob.first(static_cast<std::size_t>(std::min<std::uint64_t>(blob.size(), length - done))), sum_);
    }
  }

  /// The table is read through the plan itself: its sectors may be in any kind of chunk.
  Result<PlannedDisk> with_table() {
    BlockPlan flat{.phases = {{.runs = image_.data}}, .blobs = image_.blobs};
    PlanView disk{flat,
                  {[this](ByteOffset at, std::span<std::byte> out) { return view_.read(at, out); }, view_.size()},
                  image_.size};
    FL_TRY(auto table, read_partition_table(disk, image_.size));
    if (header_.block_size % table.sector_size != 0) {
      return fail(errc::sparse_header,
                  fmt::format("blocks of {} bytes for sectors of {}", header_.block_size, table.sector_size));
    }
    return PlannedDisk{plan_disk(std::move(image_), table), std::move(table)};
  }

  struct Fill {
    std::uint64_t blob;
    std::uint64_t length;
  };

  FileView view_;
  SparseHeader header_;
  DiskImage image_;
  std::map<std::uint32_t, Fill> fills_;
  std::uint64_t blob_bytes_ = 0;
  std::uint64_t fill_runs_ = 0;
  std::uint64_t block_ = 0;  // the first of the chunk that is visited
  bool has_checksum_ = false;
  std::uint32_t sum_ = 0;
  std::array<std::byte, SparseHeader::length> buffer_{};
};

}  // namespace

bool looks_like_sparse(std::span<const std::byte> start) {
  if (start.size() < 4) return false;
  const auto value = ByteReader{start}.u32("sparse magic");
  return value && *value == magic;
}

Result<SparseHeader> parse_sparse_header(std::span<const std::byte> bytes) {
  ByteReader in{bytes};
  SparseHeader header;
  FL_TRY(const auto signature, in.u32("sparse magic"));
  if (signature != magic) return fail(errc::sparse_header, "no Android sparse signature");
  FL_TRY(const auto major, in.u16("sparse major version"));
  FL_CHECK(in.u16("sparse minor version"));
  FL_TRY(header.file_header_size, in.u16("sparse file header size"));
  FL_TRY(header.chunk_header_size, in.u16("sparse chunk header size"));
  FL_TRY(header.block_size, in.u32("sparse block size"));
  FL_TRY(header.blocks, in.u32("sparse block count"));
  FL_TRY(header.chunks, in.u32("sparse chunk count"));
  FL_TRY(header.checksum, in.u32("sparse checksum"));
  if (major != 1) return fail(errc::sparse_header, fmt::format("version {} is not known", major));
  if (header.file_header_size < SparseHeader::length || header.chunk_header_size < 12) {
    return fail(errc::sparse_header,
                fmt::format("headers of {} and {} bytes", header.file_header_size, header.chunk_header_size));
  }
  if (header.block_size == 0 || header.block_size % 512 != 0 || header.block_size > max_block) {
    return fail(errc::sparse_header, fmt::format("blocks of {} bytes", header.block_size));
  }
  return header;
}

Result<SparseChunk> detail::parse_sparse_chunk(const SparseHeader& header, std::span<const std::byte> bytes,
                                               ByteOffset at) {
  ByteReader in{bytes, at};
  SparseChunk chunk;
  FL_TRY(const auto type, in.u16("sparse chunk type"));
  FL_CHECK(in.u16("sparse chunk reserved"));
  FL_TRY(chunk.blocks, in.u32("sparse chunk blocks"));
  FL_TRY(const auto total, in.u32("sparse chunk size"));
  chunk.kind = static_cast<Kind>(type);
  std::uint64_t expected = 0;
  switch (chunk.kind) {
    case Kind::raw:
      expected = std::uint64_t{chunk.blocks} * header.block_size;
      break;
    case Kind::fill:
    case Kind::crc32:
      expected = 4;
      break;
    case Kind::dont_care:
      break;
    default:
      return fail(errc::sparse_chunk, fmt::format("type {:04X} at offset {}", type, at.value));
  }
  chunk.data = expected;
  if (total != expected + header.chunk_header_size) {
    return fail(errc::sparse_chunk, fmt::format("the chunk at offset {} says {} bytes, its kind needs {}", at.value,
                                                total, expected + header.chunk_header_size));
  }
  if (chunk.kind == Kind::crc32 && chunk.blocks != 0) {
    return fail(errc::sparse_chunk, fmt::format("the checksum at offset {} claims blocks", at.value));
  }
  return chunk;
}

Result<PlannedDisk> plan_sparse(int fd, ByteCount size) { return SparseFile{fd, size}.plan(); }

}  // namespace flashline::imaging
