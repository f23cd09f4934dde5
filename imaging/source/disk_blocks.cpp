#include "imaging/source/disk_blocks.h"

#include <algorithm>
#include <array>
#include <spdlog/fmt/fmt.h>
#include <utility>

#include "imaging/core/errors/image.h"
#include "imaging/source/flash_only_table.h"
#include "imaging/source/spool.h"

namespace flashline::imaging {
namespace {

constexpr std::uint64_t block_size = 128_KiB;

}  // namespace

Result<DiskBlocks> DiskBlocks::cut(const OpenedImage& image) {
  const BlockPlan& from = image.stores.front().plan;
  DiskBlocks blocks;
  blocks.size_ = from.needs.min_size.value;
  const auto padded = align_up(blocks.size_, block_size);
  if (!padded || *padded / block_size > 0xFFFFFFFFULL) {
    return fail(errc::import_refused,
                fmt::format("an image of {} bytes: FFU counts blocks with 32 bits", blocks.size_));
  }
  const bool exact = from.needs.gpt_size && *from.needs.gpt_size == from.needs.min_size && blocks.size_ > block_size;
  blocks.from_end_ = exact && blocks.size_ % block_size != 0;
  blocks.disk_ = blocks.from_end_ ? blocks.size_ : *padded;
  blocks.count_ = blocks.disk_ / block_size;
  blocks.has_table_ = image.facts.table != "none";
  blocks.sector_size_ = from.needs.sector_size;
  if (image.facts.table == "gpt") blocks.gpt_ = image.facts.partitions;
  FL_TRY(auto plan, resolved(from, from.needs.min_size));
  blocks.plan_ = std::make_unique<const BlockPlan>(std::move(plan));
  blocks.runs_ = surviving_runs(*blocks.plan_);
  blocks.view_ = std::make_unique<PlanView>(*blocks.plan_, content_of(image.content.file.get(), image.content.size),
                                            from.needs.min_size);
  return blocks;
}

FfuBlock DiskBlocks::last() const {
  if (from_end_) return {.anchor = Place::Anchor::end, .index = 0};
  return {.anchor = Place::Anchor::begin, .index = static_cast<std::uint32_t>(count_ - 1)};
}

std::uint64_t DiskBlocks::offset_of(const FfuBlock& block) const {
  if (block.anchor == Place::Anchor::end) return disk_ - (std::uint64_t{block.index} + 1) * block_size;
  return block.index * block_size;
}

/// Looks at a block a page at a time: of blocks with data the first page tells, as a rule.
Result<bool> DiskBlocks::is_zero(const FfuBlock& block) {
  const std::uint64_t start = offset_of(block);
  const std::uint64_t end = std::min(size_, start + block_size);
  auto run = std::ranges::partition_point(
      runs_, [&](const Run& one) { return one.place.distance + one.length.value <= start; });
  for (; run != runs_.end() && run->place.distance < end; ++run) {
    if (run->source == Run::Source::zeros) continue;
    const std::uint64_t from = std::max(start, run->place.distance);
    FL_TRY(const bool zeros, reads_zero(from, std::min(end, run->place.distance + run->length.value)));
    if (!zeros) return false;
  }
  return true;
}

Result<bool> DiskBlocks::reads_zero(std::uint64_t from, std::uint64_t to) {
  std::array<std::byte, 4096> page;
  while (from < to) {
    const auto part = std::span{page}.first(static_cast<std::size_t>(std::min<std::uint64_t>(page.size(), to - from)));
    FL_CHECK(view_->read(ByteOffset{from}, part));
    if (!all_zeros(part)) return false;
    from += part.size();
  }
  return true;
}

Status DiskBlocks::fill(const FfuBlock& block, std::span<std::byte> out) {
  const std::uint64_t start = offset_of(block);
  const auto inside = static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), size_ - std::min(size_, start)));
  std::ranges::fill(out.subspan(inside), std::byte{});  // padding
  FL_CHECK(view_->read(ByteOffset{start}, out.first(inside)));
  return block.flash_only ? keep_only(out, sector_size_, required_) : Status{};
}

FfuPhase DiskBlocks::zeroed_tables() const {
  FfuPhase phase{.kind = Phase::Kind::initial_table, .blocks = {}};
  if (has_table_) phase.blocks.push_back({.anchor = Place::Anchor::end, .index = 0, .zeros = true});
  if (!from_end_ && count_ > 1) {
    phase.blocks.push_back(last());
    phase.blocks.back().zeros = true;
  }
  phase.blocks.push_back({.anchor = Place::Anchor::begin, .index = 0, .zeros = true});
  return phase;
}

/// A block that a required partition shares with another one is required too.
std::vector<bool> DiskBlocks::required_blocks(const std::set<std::string>& names) const {
  std::vector<bool> required(count_ + 1, false);
  for (const PartitionFact& partition : gpt_) {
    if (!names.contains(partition.name) || partition.length.value == 0) continue;
    const std::uint64_t from = partition.start.value / block_size;
    const std::uint64_t end = (partition.start.value + partition.length.value - 1) / block_size + 1;
    std::fill(required.begin() + static_cast<std::ptrdiff_t>(from),
              required.begin() + static_cast<std::ptrdiff_t>(std::min(end, required.size())), true);
  }
  return required;
}

Result<std::vector<FfuPhase>> DiskBlocks::phases(const BlockPhases& wanted, std::uint64_t& zero_blocks) {
  FfuPhase required{.kind = Phase::Kind::required_data, .blocks = {}};
  FfuPhase flash_only{.kind = Phase::Kind::flash_only_table, .blocks = {}};
  FfuPhase data{.kind = Phase::Kind::data, .blocks = {}};
  FfuPhase tables{.kind = Phase::Kind::final_table, .blocks = {}};
  const auto add = [&](FfuPhase& phase, FfuBlock block) -> Status {
    FL_TRY(block.zeros, is_zero(block));
    if (block.zeros) ++zero_blocks;
    if (!block.zeros || wanted.dense) phase.blocks.push_back(block);
    return {};
  };
  for (const PartitionFact& partition : gpt_) {
    if (wanted.required.contains(partition.name)) required_.insert(partition.number);
  }
  const std::vector<bool> is_required = required_blocks(wanted.required);
  for (std::uint64_t i = 1; i < data_end(); ++i) {
    FL_CHECK(add(is_required[i] ? required : data,
                 {.anchor = Place::Anchor::begin, .index = static_cast<std::uint32_t>(i)}));
  }
  if (!required_.empty()) {
    flash_only.blocks.push_back(first());
    flash_only.blocks.back().flash_only = true;
  }
  FL_CHECK(add(tables, first()));
  if (count_ > 1 || from_end_) FL_CHECK(add(tables, last()));
  return std::vector{zeroed_tables(), std::move(required), std::move(flash_only), std::move(data), std::move(tables)};
}

}  // namespace flashline::imaging
