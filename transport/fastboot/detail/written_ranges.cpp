#include "transport/fastboot/detail/written_ranges.h"

#include <algorithm>

#include "imaging/core/crc32.h"

namespace flashline::transport::detail {
namespace {

constexpr std::uint64_t piece = 1_MiB;
constexpr std::uint64_t piece_of_zeros = 16_MiB;

WrittenRange range_of(std::uint64_t at, std::span<const std::byte> bytes, FastbootTarget::Verify kind) {
  WrittenRange range{.at = at, .length = bytes.size()};
  if (kind == FastbootTarget::Verify::bmap) range.digest = sha256(bytes);
  if (kind == FastbootTarget::Verify::crc32) range.crc = crc32(bytes);
  return range;
}

}  // namespace

std::vector<WrittenRange> digests_of(const Segment& segment, FastbootTarget::Verify kind) {
  std::vector<WrittenRange> ranges;
  if (kind == FastbootTarget::Verify::none) return ranges;
  for (const auto& [start, run] : segment.runs()) {
    const std::uint64_t grid = run.from ? piece : piece_of_zeros;
    for (std::uint64_t done = 0; done < run.length;) {
      // Cut on a grid of the medium, so that a later write of the same blocks covers whole pieces.
      const std::uint64_t at = start + done;
      const std::uint64_t length = std::min(run.length - done, grid - at % grid);
      if (run.from) {
        ranges.push_back(range_of(at, segment.bytes_of(run).subspan(done, length), kind));
      } else {
        ranges.push_back({.at = at, .length = length, .zeros = true});
      }
      done += length;
    }
  }
  return ranges;
}

WrittenRanges::Map::const_iterator WrittenRanges::first_touching(std::uint64_t at) const {
  auto found = ranges_.lower_bound(at);
  if (found != ranges_.begin() && std::prev(found)->first + std::prev(found)->second.length > at) --found;
  return found;
}

bool WrittenRanges::cuts(std::uint64_t at, std::uint64_t length) const {
  for (auto each = first_touching(at); each != ranges_.end() && each->first < at + length; ++each) {
    const WrittenRange& range = each->second;
    const bool covered = range.at >= at && range.at + range.length <= at + length;
    if (!covered && !range.zeros) return true;
  }
  return false;
}

void WrittenRanges::put(const WrittenRange& range) {
  const std::uint64_t end = range.at + range.length;
  for (auto each = first_touching(range.at); each != ranges_.end() && each->first < end;) {
    const WrittenRange old = each->second;
    each = ranges_.erase(each);
    if (old.at < range.at) ranges_.insert({old.at, {.at = old.at, .length = range.at - old.at, .zeros = true}});
    const std::uint64_t old_end = old.at + old.length;
    if (old_end > end) each = ranges_.insert({end, {.at = end, .length = old_end - end, .zeros = true}}).first;
  }
  ranges_.insert({range.at, range});
}

std::vector<WrittenRange> WrittenRanges::in_order() const {
  std::vector<WrittenRange> all;
  for (const auto& [at, range] : ranges_) all.push_back(range);
  return all;
}

}  // namespace flashline::transport::detail
