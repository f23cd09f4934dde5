#include "imaging/source/partition_table.h"

#include <algorithm>
#include <array>
#include <spdlog/fmt/fmt.h>
#include <string_view>

#include "imaging/core/errors/image.h"
#include "imaging/source/gpt.h"

namespace flashline::imaging {
namespace {

constexpr std::size_t mbr_size = 512;
constexpr std::size_t mbr_rows = 446;
/// A chain of logical partitions longer than this is a loop.
constexpr int max_logical = 256;

struct MbrRow {
  std::uint8_t status = 0;
  std::uint8_t type = 0;
  std::uint32_t start = 0;  ///< sectors; of a logical partition relative to its own or the first EBR
  std::uint32_t sectors = 0;

  bool is_extended() const { return type == 0x05 || type == 0x0F || type == 0x85; }
};

using MbrSector = std::array<std::byte, mbr_size>;

std::uint32_t u32_at(const MbrSector& sector, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value |= std::to_integer<std::uint32_t>(sector[at + i]) << (8 * i);
  return value;
}

bool has_boot_signature(const MbrSector& sector) {
  return sector[510] == std::byte{0x55} && sector[511] == std::byte{0xAA};
}

std::array<MbrRow, 4> rows_of(const MbrSector& sector) {
  std::array<MbrRow, 4> rows;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::size_t at = mbr_rows + 16 * i;
    rows[i] = {std::to_integer<std::uint8_t>(sector[at]), std::to_integer<std::uint8_t>(sector[at + 4]),
               u32_at(sector, at + 8), u32_at(sector, at + 12)};
  }
  return rows;
}

/// The boot sector of a file system carries the same signature, but boot code where the rows would be.
bool looks_like_mbr(const MbrSector& sector, const std::array<MbrRow, 4>& rows) {
  if (!has_boot_signature(sector)) return false;
  const auto good = [](const MbrRow& row) {
    if (row.status != 0 && row.status != 0x80) return false;
    return row.type == 0 || (row.start > 0 && row.sectors > 0);
  };
  const auto used = [](const MbrRow& row) { return row.type != 0; };
  return std::ranges::all_of(rows, good) && std::ranges::any_of(rows, used);
}

Status check_inside(const PartitionFact& partition, std::optional<ByteCount> disk_size) {
  const std::uint64_t end = partition.start.value + partition.length.value;
  if (!disk_size || end <= disk_size->value) return {};
  return fail(errc::truncated, fmt::format("partition \"{}\" ends at byte {}, the image at byte {}", partition.name,
                                           end, disk_size->value));
}

class MbrReader {
 public:
  MbrReader(BlockView& disk, std::optional<ByteCount> disk_size, PartitionTable& table)
      : disk_{disk}, disk_size_{disk_size}, table_{table} {}

  Status read(const std::array<MbrRow, 4>& rows) {
    for (const auto& row : rows) {
      if (row.type == 0) {
        ++number_;
        continue;
      }
      FL_CHECK(add(row, row.start));
      if (row.is_extended()) extended_ = row;
    }
    return extended_.type == 0 ? Status{} : read_logical();
  }

 private:
  Status add(const MbrRow& row, std::uint64_t start) {
    PartitionFact fact{.name = fmt::format("{}", ++number_),
                       .type = fmt::format("{:02X}", row.type),
                       .start = ByteOffset{start * mbr_size},
                       .length = ByteCount{std::uint64_t{row.sectors} * mbr_size},
                       .number = number_};
    FL_CHECK(check_inside(fact, disk_size_));
    table_.partitions.push_back(std::move(fact));
    return {};
  }

  Status read_logical() {
    number_ = 4;
    std::uint64_t at = extended_.start;
    for (int i = 0; i < max_logical; ++i) {
      if ((at + 1) * mbr_size > disk_.size().value) return {};
      MbrSector sector;
      FL_CHECK(disk_.read(ByteOffset{at * mbr_size}, sector));
      if (!has_boot_signature(sector)) {
        table_.warnings.push_back(fmt::format("the chain of logical partitions is broken at sector {}", at));
        return {};
      }
      const auto rows = rows_of(sector);
      if (rows[0].type != 0) FL_CHECK(add(rows[0], at + rows[0].start));
      if (rows[1].type == 0 || !rows[1].is_extended()) return {};
      at = std::uint64_t{extended_.start} + rows[1].start;
    }
    table_.warnings.push_back(fmt::format("more than {} logical partitions: their chain is a loop", max_logical));
    return {};
  }

  BlockView& disk_;
  std::optional<ByteCount> disk_size_;
  PartitionTable& table_;
  MbrRow extended_;
  std::uint32_t number_ = 0;
};

/// The sector size whose LBA 1 holds a GPT header, or 0.
Result<std::uint32_t> gpt_sector_size(BlockView& disk) {
  std::uint32_t found = 0;
  for (const std::uint32_t sector_size : {512U, 4096U}) {
    std::array<std::byte, 8> start{};
    if (disk.size().value < 2ULL * sector_size) break;
    FL_CHECK(disk.read(ByteOffset{sector_size}, start));
    if (!looks_like_gpt(start)) continue;
    if (read_gpt(disk, 1, sector_size)) return sector_size;
    if (found == 0) found = sector_size;
  }
  return found;
}

/// The backup is worth a word: without it the board depends on one sector.
Status check_backup(BlockView& disk, const GptTable& primary, PartitionTable& table) {
  const std::uint64_t last = disk.size().value / table.sector_size - 1;
  const std::uint64_t lba = primary.header.alternate_lba;
  if (lba > last) {
    table.warnings.push_back(
        fmt::format("the image holds no backup GPT: it ends at LBA {}, the backup belongs at {}", last, lba));
    return {};
  }
  if (lba != last) {
    table.warnings.push_back(fmt::format("the backup GPT is at LBA {}, not at the image's end (LBA {})", lba, last));
  }
  const auto backup = read_gpt(disk, lba, table.sector_size);
  if (!backup && backup.error().code != errc::gpt_damaged) return std::unexpected{backup.error()};
  if (!backup) {
    table.warnings.push_back("the backup is damaged: " + backup.error().detail);
  } else if (backup->entry_bytes != primary.entry_bytes || backup->header.disk != primary.header.disk) {
    table.warnings.push_back(fmt::format("the backup GPT at LBA {} differs from the primary", lba));
  }
  return {};
}

std::string shown_name(const GptEntry& entry) {
  return entry.name.empty() ? fmt::format("{}", entry.number) : entry.name;
}

Result<PartitionTable> read_as_gpt(BlockView& disk, std::optional<ByteCount> disk_size, std::uint32_t sector_size) {
  const auto primary = read_gpt(disk, 1, sector_size);
  if (!primary) return std::unexpected{in_context("the primary table is damaged", primary.error())};
  PartitionTable table{.kind = PartitionTable::Kind::gpt, .sector_size = sector_size};
  const std::uint64_t lbas = ~std::uint64_t{0} / sector_size;
  if (primary->header.alternate_lba >= lbas || primary->header.last_usable >= lbas) {
    return fail(errc::gpt_damaged, fmt::format("the primary GPT's AlternateLBA {} or LastUsableLBA {} is past any disk",
                                               primary->header.alternate_lba, primary->header.last_usable));
  }
  table.gpt_size = ByteCount{(primary->header.alternate_lba + 1) * sector_size};
  for (const auto& entry : primary->entries) {
    table.partitions.push_back({.name = shown_name(entry),
                                .type = to_text(entry.type),
                                .start = ByteOffset{entry.first * sector_size},
                                .length = ByteCount{(entry.last - entry.first + 1) * sector_size},
                                .number = entry.number});
    FL_CHECK(check_inside(table.partitions.back(), disk_size));
  }
  if (disk_size && disk.size() >= *disk_size) FL_CHECK(check_backup(disk, *primary, table));
  return table;
}

/// The disk's MBR says that a GPT follows, but none does.
std::unexpected<Error> missing_primary(BlockView& disk, std::optional<ByteCount> disk_size) {
  std::string detail = "the protective MBR announces a GPT, but LBA 1 holds none";
  for (const std::uint32_t sector_size : {512U, 4096U}) {
    if (disk_size && disk.size() >= *disk_size && read_gpt(disk, disk_size->value / sector_size - 1, sector_size)) {
      detail += " (the backup at the image's end is good: \"sgdisk -e\" or \"gdisk\" can rebuild the primary from it)";
    }
  }
  return fail(errc::gpt_damaged, detail);
}

}  // namespace

std::string_view name_of(PartitionTable::Kind kind) {
  switch (kind) {
    case PartitionTable::Kind::gpt:
      return "gpt";
    case PartitionTable::Kind::mbr:
      return "mbr";
    case PartitionTable::Kind::none:
      break;
  }
  return "none";
}

Result<PartitionTable> read_partition_table(BlockView& disk, std::optional<ByteCount> disk_size) {
  MbrSector sector{};
  if (disk.size().value < mbr_size) return PartitionTable{};
  FL_CHECK(disk.read(ByteOffset{0}, sector));
  const auto rows = rows_of(sector);
  const bool mbr = looks_like_mbr(sector, rows);
  const bool protective = mbr && std::ranges::any_of(rows, [](const MbrRow& row) { return row.type == 0xEE; });
  FL_TRY(const auto sector_size, gpt_sector_size(disk));
  if (sector_size != 0 && (protective || !mbr)) {
    FL_TRY(auto table, read_as_gpt(disk, disk_size, sector_size));
    if (!protective) table.warnings.emplace_back("the GPT has no protective MBR");
    return table;
  }
  if (protective) return missing_primary(disk, disk_size);
  PartitionTable table;
  if (!mbr) return table;
  table.kind = PartitionTable::Kind::mbr;
  if (sector_size != 0) table.warnings.emplace_back("a GPT header lies behind an MBR that does not announce it");
  FL_CHECK(MbrReader{disk, disk_size, table}.read(rows));
  return table;
}

}  // namespace flashline::imaging
