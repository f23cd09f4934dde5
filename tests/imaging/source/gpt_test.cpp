#include "imaging/source/gpt.h"

#include <functional>
#include <gtest/gtest.h>

#include "imaging/core/crc32.h"
#include "imaging/core/errors/image.h"
#include "imaging/source/file_view.h"
#include "imaging/source/partition_table.h"
#include "tests/fakes/memory_disk.h"

namespace flashline::imaging {
namespace {

constexpr std::uint64_t sectors = 64;

/// A small table made by hand: four entries of which the second is used.
struct SmallGpt {
  GptHeader header{.alternate_lba = sectors - 1, .first_usable = 4, .last_usable = 60, .entry_count = 4};
  std::vector<std::byte> entries = std::vector<std::byte>(512);

  SmallGpt() {
    put(128, pattern(32, 5));
    number(160, 10, 8);
    number(168, 20, 8);
    put(184, bytes_of(std::string_view{"R\0\xF6\0", 4}));
  }
  void put(std::size_t at, std::span<const std::byte> bytes) {
    std::ranges::copy(bytes, entries.begin() + static_cast<std::ptrdiff_t>(at));
  }
  void number(std::size_t at, std::uint64_t value, std::size_t width) {
    for (std::size_t i = 0; i < width; ++i) entries[at + i] = static_cast<std::byte>(value >> (8 * i));
  }

  MemoryDisk disk(std::uint32_t sector_size = 512) const {
    MemoryDisk out{sectors * sector_size};
    GptHeader fitting = header;
    fitting.entries_crc += crc32(entries);  // a test that spoils it adds to it
    std::vector<std::byte> sector(sector_size);
    EXPECT_TRUE(out.write(ByteOffset{sector_size}, gpt_header_sector(sector, fitting)).has_value());
    EXPECT_TRUE(out.write(ByteOffset{2 * sector_size}, entries).has_value());
    return out;
  }
};

TEST(Gpt, ReadsWhatWasWritten) {
  for (const std::uint32_t sector_size : {512U, 4096U}) {
    const SmallGpt made;
    auto disk = made.disk(sector_size);
    const auto table = read_gpt(disk, 1, sector_size);
    ASSERT_TRUE(table.has_value()) << to_text(table.error());
    EXPECT_EQ(table->header.alternate_lba, sectors - 1);
    ASSERT_EQ(table->entries.size(), 1U);
    EXPECT_EQ(table->entries[0].first, 10U);
    EXPECT_EQ(table->entries[0].last, 20U);
    EXPECT_EQ(table->entries[0].name, "R\xC3\xB6");
  }
}

struct BadGpt {
  const char* name;
  std::function<void(SmallGpt&)> spoil;
};

class GptRefused : public testing::TestWithParam<BadGpt> {};

TEST_P(GptRefused, ThoughItsCrcIsRight) {
  SmallGpt made;
  GetParam().spoil(made);
  auto disk = made.disk();
  const auto table = read_gpt(disk, 1, 512);
  ASSERT_FALSE(table.has_value());
  EXPECT_EQ(table.error().code, errc::gpt_damaged) << table.error().detail;
}

constexpr std::uint64_t huge = ~std::uint64_t{0};

INSTANTIATE_TEST_SUITE_P(
    Gpt, GptRefused,
    testing::Values(BadGpt{"other_lba", [](SmallGpt& g) { g.header.my_lba = 2; }},
                    BadGpt{"entries_past_the_end", [](SmallGpt& g) { g.header.entries_lba = sectors; }},
                    BadGpt{"entries_wrap", [](SmallGpt& g) { g.header.entries_lba = huge; }},
                    BadGpt{"entries_reach_past_the_end", [](SmallGpt& g) { g.header.entry_count = 400; }},
                    BadGpt{"entries_over_the_mbr", [](SmallGpt& g) { g.header.entries_lba = 0; }},
                    BadGpt{"entries_over_the_header", [](SmallGpt& g) { g.header.entries_lba = 1; }},
                    BadGpt{"entries_crc", [](SmallGpt& g) { g.header.entries_crc = 1; }},
                    BadGpt{"entry_size_64", [](SmallGpt& g) { g.header.entry_size = 64; }},
                    BadGpt{"entry_size_odd", [](SmallGpt& g) { g.header.entry_size = 130; }},
                    BadGpt{"entry_size_zero", [](SmallGpt& g) { g.header.entry_size = 0; }},
                    BadGpt{"entries_without_end", [](SmallGpt& g) { g.header.entry_count = 0xFFFFFFFF; }},
                    BadGpt{"usable_backwards", [](SmallGpt& g) { g.header.last_usable = 3; }},
                    BadGpt{"usable_wraps", [](SmallGpt& g) { g.header.last_usable = huge; }},
                    BadGpt{"partition_backwards", [](SmallGpt& g) { g.number(168, 9, 8); }},
                    BadGpt{"partition_before_the_usable", [](SmallGpt& g) { g.number(160, 3, 8); }},
                    BadGpt{"partition_after_the_usable", [](SmallGpt& g) { g.number(168, 61, 8); }},
                    BadGpt{"partition_wraps", [](SmallGpt& g) { g.number(168, huge, 8); }}),
    [](const auto& row) { return row.param.name; });

TEST(Gpt, EveryChangedBitOfHeaderAndEntriesIsFound) {
  const auto good = SmallGpt{}.disk();
  for (std::size_t at = 512; at < 1536; ++at) {
    if (at >= 512 + 92 && at < 1024) continue;  // behind the header: covered by nothing
    MemoryDisk disk{good.bytes};
    disk.bytes[at] ^= std::byte{0x10};
    const auto table = read_gpt(disk, 1, 512);
    ASSERT_FALSE(table.has_value()) << at;
    EXPECT_EQ(table.error().code, errc::gpt_damaged);
  }
}

TEST(Gpt, AHeaderOfImpossibleLengthIsRefused) {
  for (const unsigned length : {91U, 513U, 0U}) {
    auto disk = SmallGpt{}.disk();
    disk.bytes[512 + 12] = static_cast<std::byte>(length);
    disk.bytes[512 + 13] = static_cast<std::byte>(length >> 8U);
    EXPECT_EQ(read_gpt(disk, 1, 512).error().code, errc::gpt_damaged) << length;
  }
}

/// The rows of an MBR: type, first sector, sectors.
struct Row {
  unsigned type;
  std::uint32_t start;
  std::uint32_t count;
};

void put_rows(MemoryDisk& disk, std::size_t sector, const std::vector<Row>& rows) {
  const auto at = disk.bytes.begin() + static_cast<std::ptrdiff_t>(sector * 512);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto row = at + static_cast<std::ptrdiff_t>(446 + 16 * i);
    row[4] = static_cast<std::byte>(rows[i].type);
    for (int b = 0; b < 4; ++b) {
      row[8 + b] = static_cast<std::byte>(rows[i].start >> (8 * b));
      row[12 + b] = static_cast<std::byte>(rows[i].count >> (8 * b));
    }
  }
  at[510] = std::byte{0x55};
  at[511] = std::byte{0xAA};
}

Result<PartitionTable> table_of(MemoryDisk& disk) { return read_partition_table(disk, disk.size()); }

TEST(PartitionTable, AChainOfLogicalPartitionsThatLoopsIsLeft) {
  MemoryDisk disk{512 * 64};
  put_rows(disk, 0, {{5, 8, 50}});
  put_rows(disk, 8, {{0x83, 1, 2}, {5, 0, 8}});  // points at itself
  const auto table = table_of(disk);
  ASSERT_TRUE(table.has_value());
  EXPECT_EQ(table->warnings.size(), 1U);
}

TEST(PartitionTable, ABrokenChainIsAWarning) {
  MemoryDisk disk{512 * 64};
  put_rows(disk, 0, {{5, 8, 50}});
  const auto table = table_of(disk);
  ASSERT_TRUE(table.has_value());
  ASSERT_EQ(table->warnings.size(), 1U);
  EXPECT_NE(table->warnings[0].find("sector 8"), std::string::npos);
}

TEST(PartitionTable, APartitionPastTheEndMeansACutImage) {
  MemoryDisk disk{512 * 64};
  put_rows(disk, 0, {{0x83, 1, 64}});
  EXPECT_EQ(table_of(disk).error().code, errc::truncated);
  put_rows(disk, 0, {{0x83, 1, 63}});
  EXPECT_TRUE(table_of(disk).has_value());
  put_rows(disk, 0, {{0x83, 0xFFFFFFFF, 0xFFFFFFFF}});
  EXPECT_EQ(table_of(disk).error().code, errc::truncated);
}

struct NoTableCase {
  const char* name;
  std::function<void(MemoryDisk&)> make;
};

class NoTable : public testing::TestWithParam<NoTableCase> {};

TEST_P(NoTable, IsFlatData) {
  MemoryDisk disk{512 * 64};
  GetParam().make(disk);
  const auto table = table_of(disk);
  ASSERT_TRUE(table.has_value());
  EXPECT_EQ(table->kind, PartitionTable::Kind::none);
}

INSTANTIATE_TEST_SUITE_P(
    PartitionTable, NoTable,
    testing::Values(NoTableCase{"zeros", [](MemoryDisk&) {}},
                    NoTableCase{"no_rows", [](MemoryDisk& d) { put_rows(d, 0, {}); }},
                    NoTableCase{"noise", [](MemoryDisk& d) { d.bytes = pattern(512 * 64, 1); }},
                    NoTableCase{"row_at_sector_0", [](MemoryDisk& d) { put_rows(d, 0, {{0x83, 0, 9}}); }},
                    NoTableCase{"row_of_nothing", [](MemoryDisk& d) { put_rows(d, 0, {{0x83, 9, 0}}); }},
                    NoTableCase{"status",
                                [](MemoryDisk& d) {
                                  put_rows(d, 0, {{0x83, 1, 9}});
                                  d.bytes[446] = std::byte{0x20};
                                }}),
    [](const auto& row) { return row.param.name; });

TEST(PartitionTable, AGptWithoutItsProtectiveMbrIsTakenWithAWarning) {
  auto disk = SmallGpt{}.disk();
  const auto table = table_of(disk);
  ASSERT_TRUE(table.has_value());
  EXPECT_EQ(table->kind, PartitionTable::Kind::gpt);
  EXPECT_EQ(table->partitions[0].start.value, 10U * 512);
  EXPECT_EQ(table->warnings.size(), 2U) << "no backup either";
  put_rows(disk, 0, {{0x83, 5, 9}});
  EXPECT_EQ(table_of(disk)->kind, PartitionTable::Kind::mbr) << "a GPT that the MBR does not announce is a leftover";
}

}  // namespace
}  // namespace flashline::imaging
