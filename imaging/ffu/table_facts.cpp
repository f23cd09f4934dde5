#include "imaging/ffu/table_facts.h"

#include <utility>

#include "imaging/core/errors/image.h"
#include "imaging/source/gpt.h"
#include "imaging/source/partition_table.h"

namespace flashline::imaging::ffu {
namespace {

/// Primary: from the first byte to the end of the entry array. Backup: its entry array up to the disk's end.
TablePlaces gpt_places(const GptHeader& header, std::uint64_t sector) {
  const std::uint64_t array = *align_up(header.entries_bytes(), sector);
  const std::uint64_t backup_end = (header.alternate_lba + 1) * sector;
  const std::uint64_t backup = array + sector;
  TablePlaces places{
      .first = {ByteOffset{0}, ByteCount{header.entries_lba * sector + array}}, .backup = {}, .gpt = true};
  if (backup_end > backup) places.backup = Extent{ByteOffset{backup_end - backup}, ByteCount{backup}};
  return places;
}

/// A disk as large as the places of the plan need, so that reading it never fails for want of size.
Result<BlockPlan> on_smallest_disk(const BlockPlan& plan) { return resolved(plan, plan.needs.min_size); }

bool concerns_table_only(Errc code) { return code == errc::gpt_damaged || code == errc::truncated; }

}  // namespace

Result<TableFacts> read_table_facts(const BlockPlan& plan, PlanContent content) {
  TableFacts facts;
  const auto disk_plan = on_smallest_disk(plan);
  if (!disk_plan) {
    facts.warnings.push_back(disk_plan.error().detail);
    return facts;
  }
  PlanView disk{*disk_plan, std::move(content), plan.needs.min_size};
  auto table = read_partition_table(disk, plan.needs.min_size);
  if (!table && !concerns_table_only(table.error().code)) return std::unexpected{std::move(table).error()};
  if (!table) {
    facts.warnings.push_back("the partition table: " + table.error().detail);
    return facts;
  }
  facts.kind = name_of(table->kind);
  facts.gpt_size = table->gpt_size;
  facts.partitions = std::move(table->partitions);
  facts.warnings = std::move(table->warnings);
  if (table->kind == PartitionTable::Kind::mbr)
    facts.places = TablePlaces{.first = {ByteOffset{0}, ByteCount{512}}, .backup = {}, .gpt = false};
  if (table->kind == PartitionTable::Kind::gpt) {
    FL_TRY(const auto gpt, read_gpt(disk, 1, table->sector_size));
    facts.places = gpt_places(gpt.header, table->sector_size);
  }
  return facts;
}

}  // namespace flashline::imaging::ffu
