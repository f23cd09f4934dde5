#include "imaging/source/decompress.h"

#include <array>
#include <string>
#include <utility>

#include "imaging/core/errors/image.h"
#include "imaging/source/byte_streams.h"
#include "imaging/source/file_view.h"

namespace flashline::imaging {
namespace {

bool begins(std::span<const std::byte> bytes, std::string_view magic) {
  if (bytes.size() < magic.size()) return false;
  for (std::size_t i = 0; i < magic.size(); ++i) {
    if (bytes[i] != static_cast<std::byte>(magic[i])) return false;
  }
  return true;
}

/// 0x184D2A50 to 0x184D2A5F: pzstd begins its files with such a frame.
bool begins_skippable(std::span<const std::byte> bytes) {
  return begins(bytes.subspan(bytes.empty() ? 0 : 1), "\x2A\x4D\x18") &&
         (bytes[0] & std::byte{0xF0}) == std::byte{0x50};
}

/// The length of a gzip file's last member, as its last four bytes give it.
Result<std::uint32_t> gzip_length(int fd) {
  FL_TRY(const auto size, size_of(fd));
  FileView view{fd, size};
  std::array<std::byte, 4> tail{};
  if (size.value < 18) return fail(errc::truncated, "a gzip file has at least 18 bytes");
  FL_CHECK(view.read(ByteOffset{size.value - tail.size()}, tail));
  std::uint32_t length = 0;
  for (std::size_t i = 0; i < tail.size(); ++i) length |= std::to_integer<std::uint32_t>(tail[i]) << (8 * i);
  return length;
}

Decompressor held(Decompressor opened, std::string declared_by) {
  if (opened.size)
    opened.stream = of_size(std::move(opened.stream), *opened.size, *opened.size, std::move(declared_by));
  return opened;
}

}  // namespace

Compression compression_of(std::span<const std::byte> start) {
  if (begins(start, "\x1F\x8B")) return Compression::gzip;
  if (begins(start, std::string_view{"\xFD\x37zXZ\0", 6})) return Compression::xz;
  if (begins(start, "\x28\xB5\x2F\xFD") || begins_skippable(start)) return Compression::zstd;
  if (begins(start, "BZh") && start.size() > 9 && begins(start.subspan(4), "1AY&SY")) return Compression::bzip2;
  if (begins(start, std::string_view{"PK\x03\x04", 4}) || begins(start, std::string_view{"PK\x05\x06", 4})) {
    return Compression::zip;
  }
  return Compression::none;
}

std::string_view name_of(Compression compression) {
  static constexpr std::array<std::string_view, 6> names{"none", "gzip", "xz", "zstd", "bzip2", "zip"};
  return names[static_cast<std::size_t>(compression)];
}

Result<Decompressor> open_compressed(FileHandle file, Compression compression) {
  if (compression == Compression::gzip) {
    FL_TRY(const auto length, gzip_length(file.get()));
    return Decompressor{detail::gzip_stream(std::move(file)), std::nullopt, length};
  }
  std::optional<ByteCount> size;
  if (compression == Compression::xz) {
    FL_TRY(size, detail::xz_size(file.get()));
  } else if (compression == Compression::zstd) {
    FL_TRY(size, detail::zstd_size(file.get()));
  }
  FL_TRY(auto opened, detail::archive_stream(std::move(file), compression));
  if (!opened.size) opened.size = size;
  return held(std::move(opened), "the " + std::string{name_of(compression)} + " container");
}

}  // namespace flashline::imaging
