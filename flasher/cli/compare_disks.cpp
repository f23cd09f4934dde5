#include "flasher/cli/compare_disks.h"

#include <algorithm>

namespace flashline::line {
namespace {

using imaging::Extent;
using imaging::PartitionFact;

constexpr std::uint64_t piece_size = 1_MiB;

/// Areas of the disk in ascending order, each with what differs in it.
class Areas {
 public:
  explicit Areas(const std::vector<PartitionFact>& partitions)
      : partitions_{partitions}, found_(partitions.size() + 1) {
    for (std::size_t i = 0; i < partitions.size(); ++i) {
      found_[i + 1].partition = i + 1;
      found_[i + 1].name = partitions[i].name;
    }
  }

  void add(std::uint64_t at, std::uint64_t length) {
    AreaDifference& area = found_[area_of(at)];
    area.bytes += length;
    if (area.count != 0 && end_ == at && last_ == &area) {
      if (area.count == area.ranges.size()) area.ranges.back().length.value += length;
    } else {
      ++area.count;
      if (area.ranges.size() < AreaDifference::most_ranges) area.ranges.push_back({ByteOffset{at}, ByteCount{length}});
    }
    last_ = &area;
    end_ = at + length;
  }

  std::vector<AreaDifference> differing() && {
    std::erase_if(found_, [](const AreaDifference& area) { return area.count == 0; });
    return std::move(found_);
  }

 private:
  std::size_t area_of(std::uint64_t at) const {
    const auto inside = [at](const PartitionFact& one) {
      return at >= one.start.value && at - one.start.value < one.length.value;
    };
    const auto found = std::ranges::find_if(partitions_, inside);
    return found == partitions_.end() ? 0 : static_cast<std::size_t>(found - partitions_.begin()) + 1;
  }

  const std::vector<PartitionFact>& partitions_;
  std::vector<AreaDifference> found_;
  const AreaDifference* last_ = nullptr;
  std::uint64_t end_ = 0;
};

void compare_piece(std::span<const std::byte> a, std::span<const std::byte> b, std::uint64_t at, Areas& areas) {
  if (std::ranges::equal(a, b)) return;
  for (std::size_t i = 0; i < a.size(); i += compared_block) {
    const std::size_t count = std::min<std::size_t>(compared_block, a.size() - i);
    if (!std::ranges::equal(a.subspan(i, count), b.subspan(i, count))) areas.add(at + i, count);
  }
}

}  // namespace

Result<std::vector<AreaDifference>> compare_disks(BlockView& a, BlockView& b, const std::vector<Extent>& stretches,
                                                  const std::vector<PartitionFact>& partitions,
                                                  const std::function<void(ByteCount)>& progress) {
  Areas areas{partitions};
  std::vector<std::byte> from_a(piece_size);
  std::vector<std::byte> from_b(piece_size);
  std::uint64_t done = 0;
  for (const Extent& stretch : stretches) {
    const std::uint64_t end = stretch.at.value + stretch.length.value;
    for (std::uint64_t at = stretch.at.value; at < end; at += piece_size) {
      const auto count = static_cast<std::size_t>(std::min(piece_size, end - at));
      FL_CHECK(a.read(ByteOffset{at}, std::span{from_a}.first(count)));
      FL_CHECK(b.read(ByteOffset{at}, std::span{from_b}.first(count)));
      compare_piece(std::span{from_a}.first(count), std::span{from_b}.first(count), at, areas);
      done += count;
      if (progress) progress(ByteCount{done});
    }
  }
  return std::move(areas).differing();
}

std::vector<Extent> written_stretches(const imaging::BlockPlan& a, const imaging::BlockPlan& b, ByteCount size) {
  std::vector<Extent> all;
  for (const imaging::BlockPlan* plan : {&a, &b}) {
    for (const imaging::Run& run : imaging::surviving_runs(*plan)) {
      const std::uint64_t start = run.place.distance / compared_block * compared_block;
      const std::uint64_t end = std::min(size.value, *align_up(run.place.distance + run.length.value, compared_block));
      if (start < end) all.push_back({ByteOffset{start}, ByteCount{end - start}});
    }
  }
  std::ranges::sort(all);
  std::vector<Extent> merged;
  for (const Extent& one : all) {
    const std::uint64_t end = merged.empty() ? 0 : merged.back().at.value + merged.back().length.value;
    if (merged.empty() || one.at.value > end) {
      merged.push_back(one);
    } else if (one.at.value + one.length.value > end) {
      merged.back().length.value = one.at.value + one.length.value - merged.back().at.value;
    }
  }
  return merged;
}

}  // namespace flashline::line
