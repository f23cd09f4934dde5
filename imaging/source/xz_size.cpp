#include <algorithm>
#include <array>
#include <spdlog/fmt/fmt.h>
#include <string_view>
#include <vector>

#include "imaging/core/byte_reader.h"
#include "imaging/core/crc32.h"
#include "imaging/core/errors/image.h"
#include "imaging/source/decompress.h"
#include "imaging/source/file_view.h"

namespace flashline::imaging::detail {
namespace {

constexpr std::uint64_t frame_length = 12;  // of a stream's header and of its footer
/// An index holds at least two bytes a block; this is 16 million blocks.
constexpr std::uint64_t max_index = 64_MiB;
constexpr std::uint64_t lzma2 = 0x21;

std::unexpected<Error> bad(std::string_view what) { return fail(errc::bad_compression, fmt::format("xz: {}", what)); }

/// A number in groups of seven bits, least significant first.
Result<std::uint64_t> take_number(ByteReader& in, const char* field) {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 63; shift += 7) {
    FL_TRY(const std::uint64_t group, in.u8(field));
    value |= (group & 0x7FU) << shift;
    if ((group & 0x80U) == 0) return value;
  }
  return bad(fmt::format("{} is too long", field));
}

std::uint32_t u32_of(std::span<const std::byte> bytes) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value |= std::to_integer<std::uint32_t>(bytes[i]) << (8 * i);
  return value;
}

class XzFile {
 public:
  XzFile(int fd, ByteCount size) : view_{fd, size}, end_{size.value} {}

  /// Uncompressed bytes of all streams. They can only be found from the end of the file on.
  Result<ByteCount> total() {
    std::uint64_t sum = 0;
    do {
      FL_CHECK(skip_padding());
      FL_TRY(const auto size, last_stream());
      if (size > ~sum) return bad("its sizes do not fit 64 bits");
      sum += size;
    } while (end_ > 0);
    return ByteCount{sum};
  }

 private:
  Status skip_padding() {
    std::array<std::byte, 4> word{};
    while (end_ >= word.size()) {
      FL_CHECK(view_.read(ByteOffset{end_ - word.size()}, word));
      if (u32_of(word) != 0) return {};
      end_ -= word.size();
    }
    return end_ == 0 ? fail(errc::truncated, "xz: only padding") : Status{};
  }

  Result<std::uint64_t> last_stream() {
    FL_TRY(const auto index_length, read_footer());
    std::vector<std::byte> index(static_cast<std::size_t>(index_length));
    FL_CHECK(view_.read(ByteOffset{end_ - frame_length - index_length}, index));
    const std::span<const std::byte> covered = std::span{index}.first(index.size() - 4);
    if (crc32(covered) != u32_of(std::span{index}.last(4))) return bad("the CRC of its index is wrong");
    return read_index(covered, end_ - frame_length - index_length);
  }

  /// Length of the index before the footer that ends at `end_`.
  Result<std::uint64_t> read_footer() {
    std::array<std::byte, frame_length> footer{};
    if (end_ < 2 * frame_length) return fail(errc::truncated, "xz: no room for a stream");
    FL_CHECK(view_.read(ByteOffset{end_ - frame_length}, footer));
    if (footer[10] != std::byte{'Y'} || footer[11] != std::byte{'Z'}) {
      return fail(errc::truncated, fmt::format("xz: no stream ends at offset {}", end_));
    }
    if (crc32(std::span{footer}.subspan(4, 6)) != u32_of(footer)) return bad("the CRC of its footer is wrong");
    const std::uint64_t length = (std::uint64_t{u32_of(std::span{footer}.subspan(4))} + 1) * 4;
    if (length > max_index) return fail(errc::too_large, fmt::format("xz: an index of {} bytes", length));
    if (length < 8 || length > end_ - 2 * frame_length) return bad("its index is longer than the file");
    return length;
  }

  /// Sums up the blocks of `index`, which starts at `index_at`, and moves `end_` to the stream's beginning.
  Result<std::uint64_t> read_index(std::span<const std::byte> index, std::uint64_t index_at) {
    ByteReader in{index, ByteOffset{index_at}};
    FL_TRY(const auto indicator, in.u8("xz index indicator"));
    if (indicator != 0) return bad("no index where one should be");
    FL_TRY(const auto count, take_number(in, "xz block count"));
    if (count > index.size()) return bad("more blocks than its index can hold");
    std::uint64_t uncompressed = 0;
    std::vector<std::uint64_t> lengths;
    std::uint64_t stored = 0;
    for (std::uint64_t i = 0; i < count; ++i) {
      FL_TRY(const auto unpadded, take_number(in, "xz unpadded size"));
      FL_TRY(const auto size, take_number(in, "xz uncompressed size"));
      if (unpadded > index_at || stored > index_at || size > ~uncompressed)
        return bad("its index has impossible sizes");
      lengths.push_back((unpadded + 3) / 4 * 4);
      stored += lengths.back();
      uncompressed += size;
    }
    if (stored > index_at - frame_length) return bad("its blocks are longer than the file");
    end_ = index_at - stored - frame_length;
    FL_CHECK(check_blocks(lengths));
    return uncompressed;
  }

  /// Each block names the dictionary that its decompressor has to allocate.
  Status check_blocks(const std::vector<std::uint64_t>& lengths) {
    static constexpr std::string_view magic{"\xFD\x37zXZ\0", 6};
    std::array<std::byte, 6> start{};
    FL_CHECK(view_.read(ByteOffset{end_}, start));
    if (!std::ranges::equal(start, std::as_bytes(std::span{magic})))
      return bad(fmt::format("no stream at offset {}", end_));
    std::uint64_t at = end_ + frame_length;
    for (const auto length : lengths) {
      FL_CHECK(check_block(at, length));
      at += length;
    }
    return {};
  }

  Status check_block(std::uint64_t at, std::uint64_t length) {
    std::array<std::byte, 1024> buffer{};
    const auto have = std::span{buffer}.first(static_cast<std::size_t>(std::min<std::uint64_t>(length, buffer.size())));
    FL_CHECK(view_.read(ByteOffset{at}, have));
    ByteReader in{have, ByteOffset{at}};
    FL_CHECK(in.u8("xz block header size"));
    FL_TRY(const unsigned flags, in.u8("xz block flags"));
    if ((flags & 0x40U) != 0) FL_CHECK(take_number(in, "xz compressed size"));
    if ((flags & 0x80U) != 0) FL_CHECK(take_number(in, "xz uncompressed size"));
    for (unsigned i = 0; i <= (flags & 3U); ++i) {
      FL_TRY(const auto filter, take_number(in, "xz filter"));
      FL_TRY(const auto count, take_number(in, "xz filter properties"));
      FL_TRY(const auto properties, in.take(count, "xz filter properties"));
      if (filter != lzma2 || properties.empty()) continue;
      const unsigned bits = std::to_integer<unsigned>(properties[0]) & 0x3FU;
      const std::uint64_t dictionary = bits >= 40 ? 4_GiB : (2ULL | (bits & 1U)) << (bits / 2 + 11);
      if (dictionary > max_dictionary) {
        return fail(errc::too_large, fmt::format("xz: a dictionary of {} MiB; at most {} are taken", dictionary / 1_MiB,
                                                 max_dictionary / 1_MiB));
      }
    }
    return {};
  }

  FileView view_;
  std::uint64_t end_;  // of what is not looked at yet
};

}  // namespace

Result<ByteCount> xz_size(int fd) {
  FL_TRY(const auto size, size_of(fd));
  auto total = XzFile{fd, size}.total();
  if (!total && total.error().code == errc::truncated) return bad(total.error().detail);
  return total;
}

}  // namespace flashline::imaging::detail
