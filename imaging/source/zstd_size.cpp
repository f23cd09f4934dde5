#include <algorithm>
#include <array>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/byte_reader.h"
#include "imaging/core/errors/image.h"
#include "imaging/source/decompress.h"
#include "imaging/source/file_view.h"

namespace flashline::imaging::detail {
namespace {

constexpr std::uint32_t frame_magic = 0xFD2FB528;
constexpr std::uint32_t skippable_magic = 0x184D2A50;
constexpr std::size_t longest_header = 18;

std::unexpected<Error> bad(std::string_view what, std::uint64_t at) {
  return fail(errc::bad_compression, fmt::format("zstd, at offset {}: {}", at, what));
}

/// What the header of a frame says.
struct FrameHeader {
  std::optional<std::uint64_t> content_size{};
  std::uint64_t window = 0;
  bool has_checksum = false;
};

Result<std::uint64_t> take_number(ByteReader& in, unsigned width, const char* field) {
  FL_TRY(const auto bytes, in.take(width, field));
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) value |= std::to_integer<std::uint64_t>(bytes[i]) << (8 * i);
  return value;
}

Result<FrameHeader> take_frame_header(ByteReader& in) {
  FL_TRY(const unsigned descriptor, in.u8("zstd frame header"));
  const bool single_segment = (descriptor & 0x20U) != 0;
  FrameHeader header{.has_checksum = (descriptor & 4U) != 0};
  if ((descriptor & 8U) != 0) return bad("a reserved bit is set", in.position().value);
  if (!single_segment) {
    FL_TRY(const unsigned window, in.u8("zstd window"));
    const std::uint64_t base = 1ULL << (10 + (window >> 3U));
    header.window = base + base / 8 * (window & 7U);
  }
  static constexpr std::array<unsigned, 4> id_widths{0, 1, 2, 4};
  FL_TRY(const auto dictionary, take_number(in, id_widths[descriptor & 3U], "zstd dictionary"));
  if (dictionary != 0) return bad("it needs a dictionary", in.position().value);
  static constexpr std::array<unsigned, 4> size_widths{0, 2, 4, 8};
  const unsigned kind = descriptor >> 6U;
  const unsigned width = kind == 0 && single_segment ? 1 : size_widths[kind];
  if (width == 0) return header;
  FL_TRY(const auto size, take_number(in, width, "zstd content size"));
  header.content_size = kind == 1 ? size + 256 : size;
  if (single_segment) header.window = *header.content_size;
  return header;
}

class ZstdFile {
 public:
  ZstdFile(int fd, ByteCount size) : view_{fd, size} {}

  Result<std::optional<ByteCount>> total() {
    std::optional<std::uint64_t> sum = 0;
    while (at_ < view_.size().value) {
      FL_TRY(const auto size, frame());
      if (sum && size && *size > ~*sum) return bad("its sizes do not fit 64 bits", at_);
      sum = sum && size ? std::optional{*sum + *size} : std::nullopt;
    }
    if (!sum) return std::optional<ByteCount>{};
    return std::optional{ByteCount{*sum}};
  }

 private:
  Result<std::span<const std::byte>> look(std::size_t most) {
    const std::uint64_t left = view_.size().value - at_;
    const auto have = std::span{buffer_}.first(static_cast<std::size_t>(std::min<std::uint64_t>(most, left)));
    FL_CHECK(view_.read(ByteOffset{at_}, have));
    return have;
  }

  Status skip(std::uint64_t count) {
    const std::uint64_t left = view_.size().value - at_;
    if (count > left) {
      return fail(errc::truncated,
                  fmt::format("zstd: a block of {} bytes at offset {}, {} are left", count, at_, left));
    }
    at_ += count;
    return {};
  }

  /// Goes over one frame; its content's size, where it says it.
  Result<std::optional<std::uint64_t>> frame() {
    FL_TRY(const auto start, look(longest_header));
    ByteReader in{start, ByteOffset{at_}};
    FL_TRY(const auto magic, in.u32("zstd magic"));
    if ((magic & ~0xFU) == skippable_magic) {
      FL_TRY(const auto length, in.u32("zstd skippable frame"));
      FL_CHECK(skip(std::uint64_t{length} + 8));
      return std::optional<std::uint64_t>{0};
    }
    if (magic != frame_magic) return fail(errc::trailing_data, fmt::format("no zstd frame at offset {}", at_));
    FL_TRY(const auto header, take_frame_header(in));
    if (header.window > max_dictionary) {
      return fail(errc::too_large, fmt::format("zstd: a window of {} MiB; at most {} are taken", header.window / 1_MiB,
                                               max_dictionary / 1_MiB));
    }
    FL_CHECK(skip(in.position().value - at_));
    FL_CHECK(skip_blocks());
    FL_CHECK(skip(header.has_checksum ? 4 : 0));
    return header.content_size;
  }

  Status skip_blocks() {
    for (;;) {
      FL_TRY(const auto start, look(3));
      ByteReader in{start, ByteOffset{at_}};
      FL_TRY(const auto header, take_number(in, 3, "zstd block header"));
      const unsigned type = (header >> 1U) & 3U;
      if (type == 3) return bad("a block of a reserved type", at_);
      FL_CHECK(skip(3 + (type == 1 ? 1 : header >> 3U)));  // type 1: one byte, repeated
      if ((header & 1U) != 0) return {};
    }
  }

  FileView view_;
  std::uint64_t at_ = 0;
  std::array<std::byte, longest_header> buffer_{};
};

}  // namespace

Result<std::optional<ByteCount>> zstd_size(int fd) {
  FL_TRY(const auto size, size_of(fd));
  return ZstdFile{fd, size}.total();
}

}  // namespace flashline::imaging::detail
