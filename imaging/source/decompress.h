#pragma once
// Compressed images as streams. gzip goes through zlib, since libarchive does not check gzip's CRC; the others go
// through libarchive.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "imaging/source/content.h"

namespace flashline::imaging {

enum class Compression : std::uint8_t { none, gzip, xz, zstd, bzip2, zip };

/// By the first bytes of a file.
Compression compression_of(std::span<const std::byte> start);
/// "gzip", "xz", ...
std::string_view name_of(Compression compression);

struct Decompressor {
  std::unique_ptr<ByteStream> stream;
  std::optional<ByteCount> size;                ///< as the container declares it; the stream is held to it
  std::optional<std::uint32_t> size_mod_4_gib;  ///< gzip declares no more than that
};

/// A stream over the compressed `file`, from its beginning. Containers are checked as far as they can be without
/// decompressing: xz indexes, zstd frames, the zip directory (exactly one member, not encrypted). What a decompressor
/// would need in memory is bounded to 128 MiB of dictionary.
/// Errors: bad_compression, truncated, trailing_data, too_large, archive_members, encrypted_image, image_read.
Result<Decompressor> open_compressed(FileHandle file, Compression compression);

namespace detail {

inline constexpr std::uint64_t max_dictionary = 128_MiB;

/// Sizes that the indexes of all streams of an xz file declare. Source: the .xz file format 1.1.0.
Result<ByteCount> xz_size(int fd);
/// Sizes that the frames of a zstd file declare; nullopt when one does not. Source: RFC 8878.
Result<std::optional<ByteCount>> zstd_size(int fd);
/// All members of a gzip file, each with its CRC and length checked. Source: RFC 1952.
std::unique_ptr<ByteStream> gzip_stream(FileHandle file);
/// bzip2, xz, zstd or zip by libarchive.
Result<Decompressor> archive_stream(FileHandle file, Compression compression);

}  // namespace detail
}  // namespace flashline::imaging
