#include <algorithm>
#include <spdlog/fmt/fmt.h>
#include <utility>

#include "imaging/core/errors/image.h"
#include "imaging/source/bmap.h"
#include "imaging/source/file_view.h"
#include "imaging/source/named_digest.h"

namespace flashline::imaging {
namespace {

/// Follows an image's bytes in order and compares each range's checksum at its end.
class RangeChecker {
 public:
  explicit RangeChecker(const Bmap& map) : map_{map}, digest_{map.algorithm} {}

  /// The bytes at `at`; those before were seen, or belong to no range.
  Status see(std::uint64_t at, std::span<const std::byte> bytes) {
    while (next_ < map_.ranges.size() && !bytes.empty()) {
      const auto& range = map_.ranges[next_];
      const Extent extent = map_.extent(range);
      const std::uint64_t end = extent.at.value + extent.length.value;
      const std::uint64_t skip = extent.at.value > at ? extent.at.value - at : 0;
      if (skip >= bytes.size()) return {};
      bytes = bytes.subspan(static_cast<std::size_t>(skip));
      at += skip;
      const auto part = bytes.first(static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), end - at)));
      if (!range.checksum.empty()) digest_.update(part);
      at += part.size();
      bytes = bytes.subspan(part.size());
      if (at == end) FL_CHECK(end_range(range));
    }
    return {};
  }

 private:
  Status end_range(const BmapRange& range) {
    ++next_;
    if (range.checksum.empty()) return {};
    const auto found = digest_.finish();
    if (found == range.checksum) return {};
    return fail(errc::bmap_mismatch, fmt::format("blocks {}-{} have {} {}, the block map says {}", range.first,
                                                 range.last, map_.algorithm, to_hex(found), to_hex(range.checksum)));
  }

  const Bmap& map_;
  NamedDigest digest_;
  std::size_t next_ = 0;
};

class CheckedStream final : public ByteStream {
 public:
  CheckedStream(std::unique_ptr<ByteStream> inner, Bmap map)
      : inner_{std::move(inner)}, map_{std::move(map)}, checker_{map_} {}

  Result<std::size_t> read(std::span<std::byte> out) override {
    FL_TRY(const auto got, inner_->read(out));
    FL_CHECK(checker_.see(at_, out.first(got)));
    at_ += got;
    return got;
  }

 private:
  std::unique_ptr<ByteStream> inner_;
  Bmap map_;
  RangeChecker checker_;
  std::uint64_t at_ = 0;
};

}  // namespace

Result<HashTable> check_by_bmap(const Bmap& map, int fd, ByteCount size) {
  if (size != map.image_size) {
    return fail(errc::bmap_mismatch,
                fmt::format("the image has {} bytes, the block map says {}", size.value, map.image_size.value));
  }
  constexpr std::uint32_t unit = 128_KiB;
  FileView view{fd, size};
  RangeChecker checker{map};
  auto digests = std::make_shared<std::vector<Sha256>>((size.value + unit - 1) / unit);
  std::vector<std::byte> piece(unit);
  std::uint64_t next = 0;  // the first unit that was not read yet
  for (const auto& extent : map.extents()) {
    const std::uint64_t last = (extent.at.value + extent.length.value - 1) / unit;
    for (next = std::max(next, extent.at.value / unit); next <= last; ++next) {
      const std::uint64_t at = next * unit;
      const auto part =
          std::span{piece}.first(static_cast<std::size_t>(std::min<std::uint64_t>(unit, size.value - at)));
      FL_CHECK(view.read(ByteOffset{at}, part));
      FL_CHECK(checker.see(at, part));
      (*digests)[next] = sha256(part);
    }
  }
  return HashTable{unit, ByteOffset{0}, std::move(digests)};
}

std::unique_ptr<ByteStream> checked_by_bmap(std::unique_ptr<ByteStream> inner, Bmap map) {
  return std::make_unique<CheckedStream>(std::move(inner), std::move(map));
}

}  // namespace flashline::imaging
