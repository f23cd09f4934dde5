#include "imaging/source/disk_plan.h"

#include <algorithm>
#include <utility>

namespace flashline::imaging {
namespace {

Run zeros(Place place, std::uint64_t length) {
  return {.place = place, .length = ByteCount{length}, .source = Run::Source::zeros};
}

/// The part of `runs` inside of [from, to).
std::vector<Run> window(const std::vector<Run>& runs, std::uint64_t from, std::uint64_t to) {
  std::vector<Run> inside;
  for (const auto& run : runs) {
    const std::uint64_t start = std::max(from, run.place.distance);
    const std::uint64_t end = std::min(to, run.place.distance + run.length.value);
    if (start < end) inside.push_back(part_of(run, start - run.place.distance, end - start));
  }
  return inside;
}

}  // namespace

BlockPlan plan_disk(DiskImage image, const PartitionTable& table) {
  const std::uint64_t size = image.size.value;
  const std::uint64_t area = std::min(table_area, size);
  const std::uint64_t tail = std::max(area, size - area);  // small images: the first area goes before the last
  std::vector<Run> initial;
  if (table.kind != PartitionTable::Kind::none) initial.push_back(zeros({Place::Anchor::end, area}, area));
  if (tail < size) initial.push_back(zeros({Place::Anchor::begin, tail}, size - tail));
  initial.push_back(zeros({Place::Anchor::begin, 0}, area));

  auto final_runs = window(image.data, 0, area);
  const auto last = window(image.data, tail, size);
  final_runs.insert(final_runs.end(), last.begin(), last.end());

  BlockPlan plan{.blobs = std::move(image.blobs),
                 .needs = {.min_size = image.size, .gpt_size = table.gpt_size, .sector_size = table.sector_size}};
  plan.phases.push_back({Phase::Kind::initial_table, std::move(initial)});
  if (auto data = window(image.data, area, tail); !data.empty()) {
    plan.phases.push_back({Phase::Kind::data, std::move(data)});
  }
  if (!final_runs.empty()) plan.phases.push_back({Phase::Kind::final_table, std::move(final_runs)});
  return plan;
}

}  // namespace flashline::imaging
