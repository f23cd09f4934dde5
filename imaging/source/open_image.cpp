#include <algorithm>
#include <cctype>
#include <optional>
#include <spdlog/fmt/fmt.h>
#include <string>
#include <string_view>
#include <utility>

#include "imaging/core/errors/image.h"
#include "imaging/core/errors/trust.h"
#include "imaging/ffu/read_ffu.h"
#include "imaging/source/android_sparse.h"
#include "imaging/source/bmap.h"
#include "imaging/source/byte_streams.h"
#include "imaging/source/decompress.h"
#include "imaging/source/file_view.h"
#include "imaging/source/image.h"
#include "imaging/source/raw_image.h"

namespace flashline::imaging {
namespace {

/// Enough for every signature; tar's is the farthest in.
constexpr std::size_t sniffed = 4096;
/// What of a stream is looked at before it is passed on: a GPT with all its entries.
constexpr std::size_t peeked = 256_KiB;

bool has_at(std::span<const std::byte> bytes, std::size_t at, std::string_view text) {
  return bytes.size() >= at + text.size() &&
         std::ranges::equal(bytes.subspan(at, text.size()), std::as_bytes(std::span{text}));
}

struct Foreign {
  std::size_t at;
  std::string_view signature;
  Errc code;
  std::string_view what;
};

/// Files that would be taken for raw images and make bricks.
Status refuse_foreign(std::span<const std::byte> start) {
  static constexpr Foreign known[] = {
      {257, "ustar", errc::nested_archive, "a tar archive"},
      {0, "7z\xBC\xAF\x27\x1C", errc::nested_archive, "a 7-Zip archive"},
      {0, "Rar!", errc::nested_archive, "a RAR archive"},
      {0, "MSCF", errc::nested_archive, "a cabinet"},
      {0, "MSWIM", errc::image_format, "a WIM file: capture the disk as an FFU"},
      {0, "QFI\xFB", errc::image_format, "a qcow2 disk: convert it with qemu-img to raw"},
      {0, "vhdxfile", errc::image_format, "a VHDX disk: convert it with qemu-img to raw"},
      {0, "conectix", errc::image_format, "a VHD disk: convert it with qemu-img to raw"},
      {0, "KDMV", errc::image_format, "a VMDK disk: convert it with qemu-img to raw"},
      {64, "\x7F\x10\xDA\xBE", errc::image_format, "a VDI disk: convert it with qemu-img to raw"},
  };
  for (const auto& one : known) {
    if (has_at(start, one.at, one.signature)) return fail(one.code, std::string{one.what});
  }
  if (looks_like_bmap(start)) return fail(errc::image_format, "a block map: name the image, and this beside it");
  return {};
}

/// What a policy asks of an image that carries no signature.
Status check_policy(int fd, const TrustPolicy& policy) {
  if (!policy.allow_unsigned) return fail(errc::unsigned_image, "only FFU images carry a signature");
  if (!policy.file_digest) return {};
  FL_TRY(const auto found, digest_of_file(fd));
  if (found == *policy.file_digest) return {};
  return fail(errc::file_digest,
              fmt::format("its SHA-256 is {}, pinned is {}", to_hex(found), to_hex(*policy.file_digest)));
}

void set_disk(OpenedImage& image, PlannedDisk disk) {
  image.facts.disk_size = disk.plan.needs.min_size;
  image.facts.table = name_of(disk.table.kind);
  image.facts.partitions = std::move(disk.table.partitions);
  auto& warnings = image.facts.warnings;
  warnings.insert(warnings.end(), disk.table.warnings.begin(), disk.table.warnings.end());
  image.stores.clear();
  image.stores.push_back({"", std::move(disk.plan)});
}

/// Runs start and end at sectors, so the map's blocks must.
Status check_blocks(const std::optional<Bmap>& map, const PartitionTable& table) {
  if (!map || map->block_size % table.sector_size == 0) return {};
  return fail(errc::bmap_mismatch, fmt::format("the block map has blocks of {} bytes, the image sectors of {}",
                                               map->block_size, table.sector_size));
}

Result<OpenedImage> open_raw(FileHandle file, ByteCount size, const std::optional<Bmap>& map) {
  OpenedImage image;
  image.facts.format = map ? "bmap" : "raw";
  HashTable hashes;
  std::vector<Extent> extents;
  if (map) {
    FL_TRY(hashes, check_by_bmap(*map, file.get(), size));
    extents = map->extents();
  } else {
    FL_TRY(extents, data_extents(file.get(), size));
  }
  FL_TRY(auto disk, plan_file(file.get(), size, extents));
  FL_CHECK(check_blocks(map, disk.table));
  disk.plan.hashes = std::move(hashes);
  set_disk(image, std::move(disk));
  image.content = {.file = std::move(file), .stream = nullptr, .size = size};
  return image;
}

Result<OpenedImage> open_sparse(FileHandle file, ByteCount size) {
  OpenedImage image;
  image.facts.format = "android-sparse";
  FL_TRY(auto disk, plan_sparse(file.get(), size));
  set_disk(image, std::move(disk));
  image.content = {.file = std::move(file), .stream = nullptr, .size = size};
  return image;
}

/// A raw image that comes in order, as far as it is known before it was read.
struct StreamedDisk {
  std::unique_ptr<ByteStream> stream;
  std::vector<std::byte> start;
  std::optional<ByteCount> size;
  std::optional<std::uint32_t> size_mod_4_gib;
  std::optional<Bmap> map;
};

/// The table at the start of a stream; nullopt when what is there cannot be judged before the whole is.
std::optional<PartitionTable> table_of(const StreamedDisk& disk) {
  MemoryView view{disk.start};
  auto table = read_partition_table(view, disk.size);
  return table ? std::optional{std::move(*table)} : std::nullopt;
}

/// gzip gives its length modulo 4 GiB, a GPT gives the disk's. Where both agree, that is the size; the stream is held
/// to it. A GPT alone is not enough: images may be longer or shorter than it says.
std::optional<ByteCount> agreed_size(const StreamedDisk& disk, const PartitionTable& table) {
  if (disk.size || !disk.size_mod_4_gib || !table.gpt_size) return disk.size;
  const bool agree = static_cast<std::uint32_t>(table.gpt_size->value) == *disk.size_mod_4_gib;
  return agree ? table.gpt_size : std::nullopt;
}

PlannedDisk plan_stream(const StreamedDisk& disk, ByteCount size, PartitionTable table) {
  DiskImage image{.size = ByteCount{*align_up(size.value, table.sector_size)}};
  const std::vector<Extent> all{{ByteOffset{0}, size}};
  for (const auto& extent : disk.map ? disk.map->extents() : all) {
    const std::uint64_t end =
        std::min(*align_up(extent.at.value + extent.length.value, table.sector_size), image.size.value);
    image.data.push_back({.place = {Place::Anchor::begin, extent.at.value},
                          .length = ByteCount{end - extent.at.value},
                          .from = extent.at.value});
  }
  if (image.size != size) {
    table.warnings.push_back(
        fmt::format("the image's {} bytes are no multiple of its sectors of {} bytes: padded with zeros", size.value,
                    table.sector_size));
  }
  return {plan_disk(std::move(image), table), std::move(table)};
}

Result<OpenedImage> finish_stream(StreamedDisk disk, std::string format) {
  OpenedImage image;
  image.facts.format = std::move(format);
  auto table = table_of(disk);
  const auto size = table ? agreed_size(disk, *table) : disk.size;
  auto stream = with_prefix(std::move(disk.start), std::move(disk.stream));
  ByteCount padded = size.value_or(ByteCount{});
  if (size && table) {
    FL_CHECK(check_blocks(disk.map, *table));
    auto planned = plan_stream(disk, *size, std::move(*table));
    padded = planned.plan.needs.min_size;
    set_disk(image, std::move(planned));
  }
  if (size) stream = of_size(std::move(stream), *size, padded, "what the file says of itself");
  const bool checked = disk.map.has_value();
  if (disk.map) stream = checked_by_bmap(std::move(stream), std::move(*disk.map));
  image.content = {.file = {},
                   .stream = std::move(stream),
                   .size = size ? std::optional{padded} : std::nullopt,
                   .checked_at_end = checked};
  return image;
}

/// What a decompressor gives must be a disk image: nothing else is looked into.
Status refuse_nested(std::span<const std::byte> start) {
  if (start.empty()) return fail(errc::truncated, "the image is empty");
  if (is_ffu(start)) return fail(errc::nested_archive, "an FFU inside: its own checks need the plain file");
  if (compression_of(start) != Compression::none) return fail(errc::nested_archive, "compressed twice");
  return refuse_foreign(start);
}

Result<std::vector<std::byte>> peek(ByteStream& stream) {
  std::vector<std::byte> start(peeked);
  FL_TRY(const auto got, read_fully(stream, start));
  start.resize(got);
  return start;
}

Result<OpenedImage> open_stream(FileHandle file, Compression compression, std::optional<Bmap> map) {
  FL_TRY(auto opened, open_compressed(std::move(file), compression));
  StreamedDisk disk{.stream = std::move(opened.stream),
                    .start = {},
                    .size = opened.size,
                    .size_mod_4_gib = opened.size_mod_4_gib,
                    .map = std::move(map)};
  FL_TRY(disk.start, peek(*disk.stream));
  FL_CHECK(refuse_nested(disk.start));
  std::string format = disk.map ? "bmap" : "raw";
  if (looks_like_sparse(disk.start)) {
    if (disk.map) return fail(errc::bmap_mismatch, "a block map beside an Android sparse image");
    FL_TRY(auto expanded, expand_sparse(with_prefix(std::move(disk.start), std::move(disk.stream))));
    disk = {.stream = std::move(expanded.stream), .start = {}, .size = expanded.size, .size_mod_4_gib = {}, .map = {}};
    FL_TRY(disk.start, peek(*disk.stream));
    format = "android-sparse";
  }
  if (disk.map) {
    if (disk.size && *disk.size != disk.map->image_size) {
      return fail(errc::bmap_mismatch, fmt::format("the image has {} bytes, the block map says {}", disk.size->value,
                                                   disk.map->image_size.value));
    }
    disk.size = disk.map->image_size;
  }
  return finish_stream(std::move(disk), fmt::format("{}+{}", format, name_of(compression)));
}

/// An FFU whose first bytes are damaged must not become a raw image, even where unsigned images are allowed.
Status refuse_broken_ffu(const std::filesystem::path& path) {
  std::string ending = path.extension().string();
  std::ranges::transform(ending, ending.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (ending != ".ffu") return {};
  return fail(errc::ffu_security_signature, "its name says FFU, but it does not begin with 'SignedImage '");
}

Result<OpenedImage> open_unsigned(FileHandle file, const std::filesystem::path& path, std::span<const std::byte> start,
                                  const OpenOptions& options) {
  FL_CHECK(refuse_foreign(start));
  FL_CHECK(refuse_broken_ffu(path));
  FL_CHECK(check_policy(file.get(), options.trust));
  std::optional<Bmap> map;
  if (options.bmap) {
    FL_TRY(map, read_bmap(*options.bmap));
  }
  const auto compression = compression_of(start);
  if (compression != Compression::none) return open_stream(std::move(file), compression, std::move(map));
  FL_TRY(const auto size, size_of(file.get()));
  if (!looks_like_sparse(start)) return open_raw(std::move(file), size, map);
  if (map) return fail(errc::bmap_mismatch, "a block map beside an Android sparse image");
  return open_sparse(std::move(file), size);
}

}  // namespace

Result<OpenedImage> open_image(const std::filesystem::path& path, const OpenOptions& options) {
  FL_TRY(auto file, open_for_reading(path));
  FL_TRY(const auto start, read_start(file.get(), sniffed));
  if (is_ffu(start)) return open_ffu(std::move(file), path, options);
  FL_TRY(const auto size, size_of(file.get()));
  auto image = open_unsigned(std::move(file), path, start, options);
  if (!image) return std::unexpected{in_context(path.string(), std::move(image).error())};
  image->facts.file_size = size;
  return image;
}

Status plan_spooled(OpenedImage& image, int fd) {
  FL_TRY(const auto size, size_of(fd));
  FL_TRY(const auto extents, data_extents(fd, size));
  FL_TRY(auto disk, plan_file(fd, size, extents));
  set_disk(image, std::move(disk));
  image.content.size = size;
  return {};
}

}  // namespace flashline::imaging
