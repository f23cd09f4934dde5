#include "imaging/ffu/store_plan.h"

#include <algorithm>
#include <array>
#include <utility>

#include "imaging/core/errors/image.h"

namespace flashline::imaging::ffu {
namespace {

/// `run` goes on where `last` ends, both in the source and on the target.
bool continues(const Run& last, const Run& run) {
  if (last.place.anchor != run.place.anchor || last.source != run.source) return false;
  if (last.source == Run::Source::content && last.from + last.length.value != run.from) return false;
  if (run.place.anchor == Place::Anchor::begin) return last.place.distance + last.length.value == run.place.distance;
  return last.place.distance - last.length.value == run.place.distance;
}

void append(std::vector<Run>& runs, const Run& run) {
  if (!runs.empty() && continues(runs.back(), run)) {
    runs.back().length.value += run.length.value;
  } else {
    runs.push_back(run);
  }
}

std::vector<Run>& runs_of(std::vector<Phase>& phases, Phase::Kind kind) {
  if (phases.empty() || phases.back().kind != kind) phases.push_back({.kind = kind, .runs = {}});
  return phases.back().runs;
}

std::vector<Phase> flattened(const std::vector<Phase>& phases) {
  Phase all{.kind = Phase::Kind::data, .runs = {}};
  for (const auto& phase : phases) {
    for (const auto& run : phase.runs) append(all.runs, run);
  }
  return {std::move(all)};
}

bool covers(const std::vector<Run>& runs, const Run& run) {
  const auto first = [](const Run& one) {
    return one.place.anchor == Place::Anchor::begin ? one.place.distance : one.place.distance - one.length.value;
  };
  return std::ranges::any_of(runs, [&](const Run& one) {
    return one.place.anchor == run.place.anchor && first(one) <= first(run) &&
           first(run) + run.length.value <= first(one) + one.length.value;
  });
}

/// A board whose power is cut behind a flash-only table would half boot. What the final table does not overwrite of it
/// goes with that one.
std::vector<Phase> without_flash_only(std::vector<Phase> phases) {
  std::vector<Run> kept;
  std::vector<Phase> out;
  for (Phase& phase : phases) {
    if (phase.kind == Phase::Kind::flash_only_table) {
      for (const Run& run : phase.runs) {
        if (!covers(phases.back().runs, run)) kept.push_back(run);
      }
      continue;
    }
    out.push_back(std::move(phase));
  }
  out.back().runs.insert(out.back().runs.begin(), kept.begin(), kept.end());
  return out;
}

}  // namespace

Phase::Kind StorePlanner::kind_at(std::uint64_t block) const {
  if (header_.initial.contains(block)) return Phase::Kind::initial_table;
  if (header_.flash_only.contains(block)) return Phase::Kind::flash_only_table;
  if (header_.final.contains(block)) return Phase::Kind::final_table;
  const bool required = header_.flash_only.count > 0 && block < header_.flash_only.first;
  return required ? Phase::Kind::required_data : Phase::Kind::data;
}

Status StorePlanner::check_borders(const WriteDescriptor& entry) const {
  const std::uint64_t end = layout_.blocks + entry.block_count;
  for (const auto* range : {&header_.initial, &header_.flash_only, &header_.final}) {
    for (const std::uint64_t border : {std::uint64_t{range->first}, range->end()}) {
      if (range->count > 0 && border > layout_.blocks && border < end) {
        return fail(errc::ffu_table_range, "a table range ends inside of a write descriptor");
      }
    }
  }
  return {};
}

Status StorePlanner::add_run(Location location, std::uint32_t count) {
  const std::uint64_t size = header_.block_size;  // 32-bit block numbers: nothing here overflows 64 bits
  const bool begin = location.anchor == Place::Anchor::begin;
  const std::uint64_t reach = (std::uint64_t{location.block} + count) * size;
  if (disk_ && reach > disk_->value) {
    return fail(errc::out_of_disk, "block " + std::to_string(location.block) + " counted from the disk's " +
                                       (begin ? "beginning" : "end") + " lies outside of the " +
                                       std::to_string(disk_->value) + " bytes that the manifest names");
  }
  auto& farthest = begin ? layout_.begin_end : layout_.end_distance;
  farthest = std::max(farthest, ByteCount{reach});
  const Run run{.place = {location.anchor, begin ? location.block * size : reach},
                .length = ByteCount{count * size},
                .from = layout_.blocks * size};
  append(runs_of(layout_.phases, kind_at(layout_.blocks)), run);
  return {};
}

Status StorePlanner::add(const WriteDescriptor& entry) {
  FL_CHECK(check_borders(entry));
  for (const auto& location : entry.locations) FL_CHECK(add_run(location, entry.block_count));
  layout_.blocks += entry.block_count;
  if (header_.format == StoreFormat::v1c) layout_.stored.push_back({entry.stored_size, entry.block_count});
  return {};
}

bool StorePlanner::is_guarded() const {
  const auto& [first, last] = std::pair{header_.initial, header_.final};
  return first.count > 0 && first.first == 0 && last.count > 0 && last.end() == layout_.blocks;
}

Result<StoreLayout> StorePlanner::finish() {
  for (const auto* range : {&header_.initial, &header_.flash_only, &header_.final}) {
    if (range->count > 0 && range->end() > layout_.blocks) {
      return fail(errc::ffu_table_range, "a table range ends at block " + std::to_string(range->end()) + " of " +
                                             std::to_string(layout_.blocks));
    }
  }
  if (header_.format == StoreFormat::v2 && header_.payload_size != layout_.blocks * header_.block_size) {
    return fail(errc::ffu_payload_size, "the store header says " + std::to_string(header_.payload_size) +
                                            " bytes of payload, the descriptors " +
                                            std::to_string(layout_.blocks * header_.block_size));
  }
  layout_.guarded = is_guarded();
  layout_.phases = layout_.guarded ? without_flash_only(std::move(layout_.phases)) : flattened(layout_.phases);
  return std::move(layout_);
}

namespace {

constexpr std::uint64_t table_area = 128_KiB;  // what Microsoft's tools treat as the table at each end

/// Sorts the pieces of runs into those inside of table places and the others.
class TableSplitter {
 public:
  TableSplitter(const TablePlaces& tables, std::uint32_t block_size) : gpt_{tables.gpt} {
    add_place(tables.first, block_size);
    if (tables.backup) add_place(*tables.backup, block_size);
  }

  void split(const Run& run) {
    if (run.place.anchor == Place::Anchor::end) {
      append(gpt_ && run.place.distance - run.length.value < table_area ? last_ : data_, run);
      return;
    }
    std::uint64_t at = run.place.distance;
    const std::uint64_t end = at + run.length.value;
    while (at < end) {
      const auto [border, inside] = piece_end(at);
      const std::uint64_t stop = std::min(border, end);
      Run piece = run;
      piece.place.distance = at;
      piece.length = ByteCount{stop - at};
      if (run.source == Run::Source::content) piece.from += at - run.place.distance;
      append(inside ? last_ : data_, piece);
      at = stop;
    }
  }

  std::vector<Run> take_data() { return std::move(data_); }
  std::vector<Run> take_last() { return std::move(last_); }

 private:
  struct Border {
    std::uint64_t at;
    bool inside;
  };

  /// Whole blocks, so that pieces stay whole blocks too.
  void add_place(Extent place, std::uint32_t block_size) {
    const std::uint64_t first = place.at.value - place.at.value % block_size;
    const std::uint64_t end = place.at.value + place.length.value;
    places_.push_back({first, *align_up(end, block_size)});
  }

  Border piece_end(std::uint64_t at) const {
    std::uint64_t next = UINT64_MAX;
    for (const auto& [first, end] : places_) {
      if (at >= first && at < end) return {end, true};
      if (first > at) next = std::min(next, first);
    }
    return {next, false};
  }

  bool gpt_;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> places_;
  std::vector<Run> data_;
  std::vector<Run> last_;
};

Run zeros(Place place, std::uint64_t length) {
  return {.place = place, .length = ByteCount{length}, .source = Run::Source::zeros};
}

}  // namespace

std::vector<Phase> with_tables_last(const std::vector<Phase>& phases, const TablePlaces& tables,
                                    std::uint32_t block_size) {
  TableSplitter splitter{tables, block_size};
  for (const auto& phase : phases) {
    for (const auto& run : phase.runs) splitter.split(run);
  }
  Phase first{.kind = Phase::Kind::initial_table, .runs = {}};
  first.runs.push_back(zeros({Place::Anchor::begin, 0}, *align_up(tables.first.length.value, block_size)));
  if (tables.gpt) first.runs.push_back(zeros({Place::Anchor::end, table_area}, table_area));
  std::vector<Phase> out{std::move(first)};
  out.push_back({.kind = Phase::Kind::data, .runs = splitter.take_data()});
  out.push_back({.kind = Phase::Kind::final_table, .runs = splitter.take_last()});
  return out;
}

namespace {

/// Extents of the data phases' runs with `anchor`; those counted from the end as bytes from the end.
std::vector<Extent> data_extents(const std::vector<Phase>& phases, Place::Anchor anchor) {
  std::vector<Extent> extents;
  for (const auto& phase : phases) {
    if (is_table(phase.kind)) continue;
    for (const auto& run : phase.runs) {
      if (run.place.anchor != anchor) continue;
      const bool begin = anchor == Place::Anchor::begin;
      extents.push_back({ByteOffset{begin ? run.place.distance : run.place.distance - run.length.value}, run.length});
    }
  }
  std::ranges::sort(extents);
  return extents;
}

/// Ascending extents without overlap that cover the same bytes as `sorted`.
std::vector<Extent> merged(const std::vector<Extent>& sorted) {
  std::vector<Extent> out;
  for (const auto& extent : sorted) {
    const std::uint64_t end = out.empty() ? 0 : out.back().at.value + out.back().length.value;
    if (out.empty() || extent.at.value > end) {
      out.push_back(extent);
    } else {
      out.back().length.value += std::max(end, extent.at.value + extent.length.value) - end;
    }
  }
  return out;
}

}  // namespace

std::string overlap_warning(const std::vector<Phase>& phases) {
  for (const auto anchor : {Place::Anchor::begin, Place::Anchor::end}) {
    std::uint64_t end = 0;
    for (const auto& extent : data_extents(phases, anchor)) {
      if (extent.at.value < end) {
        return "the image writes the bytes at " + std::to_string(extent.at.value) + " from the disk's " +
               (anchor == Place::Anchor::begin ? "beginning" : "end") + " more than once; the last writer wins";
      }
      end = extent.at.value + extent.length.value;
    }
  }
  return {};
}

std::vector<Extent> collisions(const BlockPlan& plan, ByteCount size) {
  std::vector<Extent> out;
  const auto begins = merged(data_extents(plan.phases, Place::Anchor::begin));
  for (const auto& from_end : merged(data_extents(plan.phases, Place::Anchor::end))) {
    const std::uint64_t stop = size.value - std::min(size.value, from_end.at.value);
    const std::uint64_t start = stop - std::min(stop, from_end.length.value);
    auto next =
        std::ranges::upper_bound(begins, start, {}, [](const Extent& e) { return e.at.value + e.length.value; });
    for (; next != begins.end() && next->at.value < stop; ++next) {
      const std::uint64_t low = std::max(start, next->at.value);
      const std::uint64_t high = std::min(stop, next->at.value + next->length.value);
      out.push_back({ByteOffset{low}, ByteCount{high - low}});
    }
  }
  std::ranges::sort(out);
  return out;
}

}  // namespace flashline::imaging::ffu
