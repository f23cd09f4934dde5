#include "imaging/provisioning/unit_overlay.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <span>
#include <spdlog/fmt/fmt.h>
#include <utility>

#include "imaging/core/errors/image.h"

namespace flashline::imaging {
namespace {

/// A stretch of the target that changes, and where its bytes are among the blobs.
struct Patch {
  std::uint64_t at;
  std::uint64_t length;
  std::uint64_t blob;
  std::uint64_t skip;

  Run as_run() const {
    return {.place = {Place::Anchor::begin, at},
            .length = ByteCount{length},
            .source = Run::Source::blob,
            .from = blob,
            .skip = skip};
  }
};

/// Patches of each run, by (phase, run), and those that no run takes.
struct Shares {
  std::map<std::pair<std::size_t, std::size_t>, std::vector<Patch>> of_runs;
  std::vector<Patch> uncovered;
};

std::uint64_t end_of(const Survivor& survivor) { return survivor.at.value + survivor.length.value; }

/// Gives `patch` to those whose bytes would be there, piece by piece.
void share(const BlockPlan& plan, const std::vector<Survivor>& owners, Patch patch, Shares& shares) {
  auto owner = std::ranges::partition_point(owners, [&](const Survivor& one) { return end_of(one) <= patch.at; });
  while (patch.length > 0) {
    const bool here = owner != owners.end() && owner->at.value <= patch.at;
    const std::uint64_t border = here                    ? end_of(*owner)
                                 : owner != owners.end() ? owner->at.value
                                                         : patch.at + patch.length;
    Patch piece = patch;
    piece.length = std::min(patch.length, border - patch.at);
    // A table of zeros must stay one until the end, so what goes over it later is data.
    const bool stays = here && plan.phases[owner->phase].kind == Phase::Kind::initial_table;
    if (here && !stays) {
      shares.of_runs[{owner->phase, owner->run}].push_back(piece);
    } else {
      shares.uncovered.push_back(piece);
    }
    patch.at += piece.length;
    patch.skip += piece.length;
    patch.length -= piece.length;
    if (here) ++owner;
  }
}

/// `run` with `patches` (ascending, inside of it) in place of its own bytes.
void append_patched(const Run& run, const std::vector<Patch>& patches, std::vector<Run>& out) {
  const std::uint64_t start = run.place.distance;
  std::uint64_t done = 0;
  for (const auto& patch : patches) {
    const std::uint64_t skip = patch.at - start;
    if (skip > done) out.push_back(part_of(run, done, skip - done));
    out.push_back(patch.as_run());
    done = skip + patch.length;
  }
  if (done < run.length.value) out.push_back(part_of(run, done, run.length.value - done));
}

/// Rebuilds the phases of `merged` whose runs have patches.
void patch_runs(const BlockPlan& plan, const Shares& shares, BlockPlan& merged) {
  for (auto patched = shares.of_runs.begin(); patched != shares.of_runs.end();) {
    const std::size_t phase = patched->first.first;
    const std::span before{plan.phases[phase].runs};
    std::vector<Run> runs;
    std::size_t next = 0;
    for (; patched != shares.of_runs.end() && patched->first.first == phase; ++patched) {
      const std::size_t run = patched->first.second;
      std::ranges::copy(before.subspan(next, run - next), std::back_inserter(runs));
      append_patched(before[run], patched->second, runs);
      next = run + 1;
    }
    std::ranges::copy(before.subspan(next), std::back_inserter(runs));
    merged.phases[phase].runs = std::move(runs);
  }
}

/// The phase that takes bytes no run named: the last data phase, or a new one before the final table.
Phase& last_data_phase(BlockPlan& plan) {
  const auto last = std::ranges::find(plan.phases.rbegin(), plan.phases.rend(), Phase::Kind::data, &Phase::kind);
  if (last != plan.phases.rend()) return *last;
  const auto table = std::ranges::find(plan.phases, Phase::Kind::final_table, &Phase::kind);
  return *plan.phases.insert(table, Phase{});
}

}  // namespace

UnitOverlay overlay_of(const CowView& view) {
  UnitOverlay overlay;
  std::uint64_t expected = 0;
  for (const auto& [number, bytes] : view.pages()) {
    if (overlay.extents.empty() || number != expected) {
      overlay.extents.push_back({ByteOffset{number * CowView::page_size}, {}});
    }
    auto& joined = overlay.extents.back().bytes;
    joined.insert(joined.end(), bytes.begin(), bytes.end());
    expected = number + 1;
  }
  return overlay;
}

Result<BlockPlan> with_overlay(const BlockPlan& plan, const UnitOverlay& overlay, ByteCount target_size) {
  const auto owners = survivors(plan);
  BlockPlan merged = plan;
  Shares shares;
  for (const auto& extent : overlay.extents) {
    const auto end = flashline::end_of(extent.at, ByteCount{extent.bytes.size()});
    if (!end || end->value > target_size.value) {
      return fail(errc::out_of_disk, fmt::format("{} bytes of the unit's own at {} lie outside of a target of {} bytes",
                                                 extent.bytes.size(), extent.at.value, target_size.value));
    }
    share(plan, owners, {extent.at.value, extent.bytes.size(), merged.blobs.size(), 0}, shares);
    merged.blobs.push_back(extent.bytes);
  }
  patch_runs(plan, shares, merged);
  if (!shares.uncovered.empty()) {
    auto& data = last_data_phase(merged).runs;
    std::ranges::transform(shares.uncovered, std::back_inserter(data), &Patch::as_run);
  }
  return merged;
}

}  // namespace flashline::imaging
