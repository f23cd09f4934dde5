#include "imaging/source/block_plan.h"

#include <algorithm>
#include <map>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/errors/image.h"
#include "imaging/core/errors/target.h"

namespace flashline::imaging {
namespace {

/// Which bytes a later run has already claimed. Touching stretches are joined, so a dense plan stays one node.
class Claimed {
 public:
  /// Calls `gap(from, to)` for what of [from, to) nobody claimed yet, ascending, and claims it all.
  template <class Gap>
  void claim(std::uint64_t from, std::uint64_t to, Gap gap) {
    auto next = spans_.upper_bound(from);
    if (next != spans_.begin() && std::prev(next)->second >= from) --next;
    std::uint64_t joined_from = from;
    std::uint64_t joined_to = to;
    std::uint64_t cursor = from;
    while (next != spans_.end() && next->first <= to) {
      if (next->first > cursor) gap(cursor, next->first);
      cursor = std::max(cursor, next->second);
      joined_from = std::min(joined_from, next->first);
      joined_to = std::max(joined_to, next->second);
      next = spans_.erase(next);
    }
    if (cursor < to) gap(cursor, to);
    spans_.emplace(joined_from, joined_to);
  }

 private:
  std::map<std::uint64_t, std::uint64_t> spans_;  // start -> end
};

Status check_sector(const Run& run, const TargetNeeds& needs, ByteCount size) {
  if (run.place.distance % needs.sector_size == 0) return {};
  return fail(errc::out_of_disk,
              fmt::format("a run of {} bytes would start at {}, inside a sector of {} bytes, on a target of {} bytes",
                          run.length.value, run.place.distance, needs.sector_size, size.value));
}

}  // namespace

Run part_of(const Run& run, std::uint64_t skip, std::uint64_t length) {
  Run part = run;
  part.place.distance += skip;
  part.length = ByteCount{length};
  if (run.source == Run::Source::content) part.from += skip;
  if (run.source == Run::Source::blob) part.skip += skip;
  return part;
}

Result<ByteOffset> resolve(Place place, ByteCount length, ByteCount size) {
  const bool from_end = place.anchor == Place::Anchor::end;
  if (place.distance <= size.value) {
    const ByteOffset at{from_end ? size.value - place.distance : place.distance};
    if (length.value <= size.value - at.value) return at;
  }
  return fail(errc::out_of_disk, fmt::format("{} bytes at {} bytes from the {} lie outside of a target of {} bytes",
                                             length.value, place.distance, from_end ? "end" : "beginning", size.value));
}

Result<BlockPlan> resolved(const BlockPlan& plan, ByteCount size) {
  if (size.value < plan.needs.min_size.value) {
    return fail(errc::target_too_small,
                fmt::format("the image needs {} bytes, the target has {}", plan.needs.min_size.value, size.value));
  }
  BlockPlan placed = plan;
  for (auto& phase : placed.phases) {
    for (auto& run : phase.runs) {
      FL_TRY(const auto at, resolve(run.place, run.length, size));
      const bool moved = run.place.anchor == Place::Anchor::end;
      run.place = {Place::Anchor::begin, at.value};
      if (moved) FL_CHECK(check_sector(run, plan.needs, size));
    }
  }
  return placed;
}

std::vector<Survivor> survivors(const BlockPlan& resolved_plan) {
  Claimed claimed;
  std::vector<Survivor> found;
  for (std::size_t phase = resolved_plan.phases.size(); phase-- > 0;) {
    const auto& runs = resolved_plan.phases[phase].runs;
    for (std::size_t run = runs.size(); run-- > 0;) {
      const std::uint64_t start = runs[run].place.distance;
      if (runs[run].length.value == 0) continue;
      claimed.claim(start, start + runs[run].length.value, [&](std::uint64_t from, std::uint64_t to) {
        found.push_back({ByteOffset{from}, ByteCount{to - from}, phase, run});
      });
    }
  }
  std::ranges::sort(found, {}, &Survivor::at);
  return found;
}

std::vector<Run> surviving_runs(const BlockPlan& resolved_plan) {
  std::vector<Run> runs;
  for (const auto& survivor : survivors(resolved_plan)) {
    const Run& run = resolved_plan.phases[survivor.phase].runs[survivor.run];
    runs.push_back(part_of(run, survivor.at.value - run.place.distance, survivor.length.value));
  }
  return runs;
}

std::vector<Extent> holes(const BlockPlan& resolved_plan, ByteCount size) {
  std::vector<Extent> found;
  std::uint64_t covered_to = 0;
  const auto add = [&](std::uint64_t to) {
    if (to > covered_to) found.push_back({ByteOffset{covered_to}, ByteCount{to - covered_to}});
  };
  for (const auto& survivor : survivors(resolved_plan)) {
    if (survivor.at.value >= size.value) break;
    add(survivor.at.value);
    covered_to = survivor.at.value + survivor.length.value;
  }
  add(size.value);
  return found;
}

ByteCount bytes_written(const BlockPlan& plan) {
  ByteCount sum;
  for (const auto& phase : plan.phases) {
    for (const auto& run : phase.runs) sum.value += run.length.value;
  }
  return sum;
}

}  // namespace flashline::imaging
