#include "flasher/engine/detail/content_map.h"

#include <algorithm>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/errors/image.h"

namespace flashline::line::detail {
namespace {

using imaging::Extent;

std::uint64_t end_at(const Extent& extent) { return extent.at.value + extent.length.value; }

/// Sorts and joins what touches.
void normalize(std::vector<Extent>& extents) {
  std::ranges::sort(extents);
  std::vector<Extent> joined;
  for (const auto& extent : extents) {
    if (!joined.empty() && extent.at.value <= end_at(joined.back())) {
      joined.back().length.value = std::max(end_at(joined.back()), end_at(extent)) - joined.back().at.value;
    } else {
      joined.push_back(extent);
    }
  }
  joined.shrink_to_fit();
  extents = std::move(joined);
}

/// What has to be read to check `run`: the units of the hash table that it touches.
Result<Extent> covering(const imaging::Run& run, const imaging::HashTable& hashes, std::optional<ByteCount> size) {
  const Extent whole{ByteOffset{run.from}, run.length};
  if (!hashes.digests || hashes.digests->empty()) return whole;
  const std::uint64_t origin = hashes.origin.value;
  const std::uint64_t vouched = origin + hashes.digests->size() * hashes.unit;
  if (run.from < origin || end_at(whole) > vouched) {
    return fail(errc::content_unvouched,
                fmt::format("content {}..{} lies outside of {}..{}, which the hash table covers", run.from,
                            end_at(whole), origin, vouched));
  }
  if (hashes.unit > ContentMap::cell_size) return whole;
  const std::uint64_t from = run.from - (run.from - origin) % hashes.unit;
  const std::uint64_t units = (end_at(whole) - from + hashes.unit - 1) / hashes.unit;
  std::uint64_t to = from + units * hashes.unit;
  if (size) to = std::min(to, size->value);
  return Extent{ByteOffset{from}, ByteCount{to - from}};
}

std::uint64_t granule_for(const imaging::HashTable& hashes) {
  // FFU blocks are hash units and may be scattered: granules of their size are never torn apart.
  return hashes.unit >= 64_KiB && hashes.unit <= 256_KiB ? hashes.unit : 256_KiB;
}

}  // namespace

Result<ContentMap> ContentMap::of(std::span<const imaging::StorePlan> stores, std::optional<ByteCount> content_size) {
  ContentMap map;
  if (stores.empty()) return map;
  map.hashes_ = stores.front().plan.hashes;
  map.content_size_ = content_size;
  map.granule_ = granule_for(map.hashes_);
  if (map.hashes_.unit != 0) map.base_ = map.hashes_.origin.value % map.hashes_.unit;
  for (const auto& store : stores) {
    for (const auto& phase : store.plan.phases) {
      for (const auto& run : phase.runs) {
        if (run.source != imaging::Run::Source::content || run.length.value == 0) continue;
        FL_TRY(const auto extent, covering(run, map.hashes_, content_size));
        map.uses(is_table(phase.kind)).push_back(extent);
      }
    }
  }
  normalize(map.data_uses_);
  normalize(map.table_uses_);
  return map;
}

PieceKey ContentMap::piece_of(ByteOffset content, bool table) const {
  return {(content.value - base_) / cell_size, table};
}

std::optional<PieceKey> ContentMap::piece_with(ByteOffset at, ByteCount length, bool table) const {
  for (const bool either : {table, !table}) {
    const auto& all = uses(either);
    const auto use = std::ranges::upper_bound(all, at.value, {}, [](const Extent& extent) { return end_at(extent); });
    if (use != all.end() && use->at <= at && at.value + length.value <= end_at(*use)) return piece_of(at, either);
  }
  return std::nullopt;
}

std::uint64_t ContentMap::left_in_cell(ByteOffset content) const {
  return cell_size - (content.value - base_) % cell_size;
}

std::vector<Extent> ContentMap::segments(PieceKey piece) const {
  const std::uint64_t from = start_of(piece.cell).value;
  const std::uint64_t to = from + cell_size;
  const auto& all = uses(piece.table);
  std::vector<Extent> found;
  auto next = std::ranges::upper_bound(all, from, {}, [](const Extent& extent) { return end_at(extent); });
  for (; next != all.end() && next->at.value < to; ++next) {
    const std::uint64_t start = std::max(from, next->at.value);
    found.push_back({ByteOffset{start}, ByteCount{std::min(to, end_at(*next)) - start}});
  }
  return found;
}

std::vector<PieceKey> ContentMap::pieces() const {
  std::vector<PieceKey> found;
  for (const bool table : {false, true}) {
    for (const auto& use : uses(table)) {
      const std::uint64_t last = piece_of(ByteOffset{end_at(use) - 1}, table).cell;
      for (std::uint64_t cell = piece_of(use.at, table).cell; cell <= last; ++cell) {
        if (found.empty() || found.back() != PieceKey{cell, table}) found.push_back({cell, table});
      }
    }
  }
  std::ranges::sort(found);
  return found;
}

ByteCount ContentMap::total() const {
  ByteCount sum;
  for (const bool table : {false, true}) {
    for (const auto& use : uses(table)) sum.value += use.length.value;
  }
  return sum;
}

}  // namespace flashline::line::detail
