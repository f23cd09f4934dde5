// Tables on disk: what libfdisk writes is what was wanted, to the sector and to the byte.

#include "imaging/layout/write_partition_table.h"

#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "imaging/core/errors/layout.h"
#include "imaging/source/file_view.h"
#include "imaging/source/gpt.h"
#include "tests/fakes/temp_folder.h"
#include "tests/imaging/layout/disk_judges.h"
#include "tests/imaging/layout/layout_xml.h"

namespace flashline::imaging {
namespace {

using ::testing::HasSubstr;

StoreLayout store_of(const std::string& xml, std::uint64_t sectors, std::size_t index = 0) {
  const auto layout = layout_of(xml);
  EXPECT_TRUE(layout) << layout.error().detail;
  auto disk = lay_out(layout.value(), disk_of(sectors), {});
  EXPECT_TRUE(disk) << disk.error().detail;
  return disk.value().stores.at(index);
}

std::string bytes_of(const std::filesystem::path& path) {
  std::ifstream in{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}

/// The image with the table of `store`, judged by sfdisk.
std::filesystem::path written(const fakes::TempFolder& folder, const StoreLayout& store,
                              const char* name = "disk.img") {
  auto image = folder.sparse(name, store.sectors * store.sector_size);
  const auto status = write_partition_table(store, image);
  EXPECT_TRUE(status) << status.error().detail;
  return image;
}

std::string part(std::string_view name, std::string_view rest, std::string_view type) {
  return partition_xml(name, type, rest);
}

struct Case {
  const char* name;
  std::string xml;
  std::uint64_t sectors;
};
class WritesTable : public ::testing::TestWithParam<Case> {};

TEST_P(WritesTable, AsSfdiskReadsIt) {
  const fakes::TempFolder folder{"/dev/shm"};
  const StoreLayout store = store_of(GetParam().xml, GetParam().sectors);
  const auto image = written(folder, store);
  EXPECT_EQ(sfdisk_dump(image), expected_dump(store));
  // The same layout gives the same bytes: nothing random, no clock.
  EXPECT_EQ(bytes_of(image), bytes_of(written(folder, store, "again.img")));
}

const std::string gpt{basic_data};
const std::string offset_16 = "<OffsetInSectors>16</OffsetInSectors>";
const std::string all_flags =
    "<ReadOnly>true</ReadOnly><Hidden>true</Hidden><AttachDriveLetter>false</AttachDriveLetter>";

INSTANTIATE_TEST_SUITE_P(
    Tables, WritesTable,
    ::testing::Values(
        Case{"mbr_of_one", layout_xml(part("MainOS", "<UseAllSpace>true</UseAllSpace>", "0x07")), 4096},
        Case{"mbr_with_three_logical",
             layout_xml(part("A", sectors_xml(8, "<Bootable>true</Bootable>"), "0x0C") +
                        part("B", sectors_xml(8), "0x83") + part("C", sectors_xml(8), "0x07") +
                        part("D", sectors_xml(8, "<ByteAlignment>65536</ByteAlignment>"), "0x07") +
                        part("E", sectors_xml(8), "0x4D") + part("MainOS", "<UseAllSpace>true</UseAllSpace>", "0x07")),
             4096},
        Case{"gpt_of_one", layout_xml(part("MainOS", "<UseAllSpace>true</UseAllSpace>", gpt)), 4096},
        Case{"gpt_with_attributes",
             layout_xml(part("A", sectors_xml(8, all_flags), gpt) + part("MainOS", sectors_xml(8), gpt)), 4096},
        Case{"gpt_with_an_id",
             layout_xml(part("MainOS", sectors_xml(8, "<Id>{11111111-2222-3333-4444-555555555555}</Id>"), gpt)), 4096},
        Case{"gpt_that_leaves_sector_16",
             layout_xml(part("Loader", sectors_xml(8, offset_16), gpt) + part("MainOS", sectors_xml(8), gpt)), 4096},
        Case{"gpt_of_defined_entries",
             layout_v2_xml(
                 "<Stores><Store><OnlyAllocateDefinedGptEntries>1</OnlyAllocateDefinedGptEntries><Partitions>" +
                 part("MainOS", "<UseAllSpace>true</UseAllSpace>", gpt) + "</Partitions></Store></Stores>"),
             4096}),
    [](const auto& row) { return row.param.name; });

TEST(WriteTable, Of128Partitions) {
  std::string text = part("MainOS", sectors_xml(1), gpt);
  for (int i = 100; i < 227; ++i)
    text += part("a partition with a very long name" + std::to_string(i), sectors_xml(1), gpt);
  const fakes::TempFolder folder{"/dev/shm"};
  const StoreLayout store = store_of(layout_xml(text), 4096);
  const auto image = written(folder, store);
  EXPECT_EQ(sfdisk_dump(image), expected_dump(store));
  const ToolRun run = run_tool("sgdisk --verify " + image.string());
  EXPECT_THAT(run.output, HasSubstr("No problems found"));
}

/// Both tables as our own reader, which checks every CRC, sees them.
void check_gpt(const std::filesystem::path& image, const StoreLayout& store) {
  const std::string bytes = bytes_of(image);
  MemoryView view{std::as_bytes(std::span{bytes})};
  for (const std::uint64_t lba : {std::uint64_t{1}, store.sectors - 1}) {
    const auto table = read_gpt(view, lba, store.sector_size);
    ASSERT_TRUE(table) << table.error().detail;
    EXPECT_EQ(table->header.disk, store.disk_guid);
    EXPECT_EQ(table->header.first_usable, store.first_usable);
    EXPECT_EQ(table->header.last_usable, store.last_usable);
    EXPECT_EQ(table->header.entry_count, store.entry_count);
    ASSERT_EQ(table->entries.size(), store.partitions.size());
    for (std::size_t i = 0; i < store.partitions.size(); ++i) {
      EXPECT_EQ(table->entries[i].id, store.partitions[i].id);
      EXPECT_EQ(PartitionType{table->entries[i].type}, store.partitions[i].type);
      EXPECT_EQ(table->entries[i].first, store.partitions[i].place.first);
      EXPECT_EQ(table->entries[i].last + 1, store.partitions[i].place.end());
      EXPECT_EQ(table->entries[i].name, store.partitions[i].name);
    }
  }
}

TEST(WriteTable, GptOnSectorsOf4096) {
  const std::string head =
      "<SectorSize>4096</SectorSize><DefaultPartitionByteAlignment>4096</DefaultPartitionByteAlignment>";
  const fakes::TempFolder folder{"/dev/shm"};
  const StoreLayout store = store_of(
      layout_xml(part("A", sectors_xml(10), gpt) + part("MainOS", "<UseAllSpace>true</UseAllSpace>", gpt), head), 1000);
  EXPECT_EQ(store.first_usable, 6U);
  check_gpt(written(folder, store), store);
}

TEST(WriteTable, GptInBothPlaces) {
  const fakes::TempFolder folder{"/dev/shm"};
  const StoreLayout store =
      store_of(layout_xml(part("Loader", sectors_xml(8, offset_16), gpt) + part("MainOS", sectors_xml(8), gpt)), 4096);
  check_gpt(written(folder, store), store);
}

// What the boot ROM reads from byte 0x400 is the loader's, not the table's.
TEST(WriteTable, MbrLeavesAllElseAsItWas) {
  const fakes::TempFolder folder{"/dev/shm"};
  const StoreLayout store =
      store_of(layout_xml(part("A", sectors_xml(8, "<OffsetInSectors>2</OffsetInSectors>"), "0x4D") +
                          part("MainOS", "<UseAllSpace>true</UseAllSpace>", "0x07")),
               4096);
  const auto image = folder.file("disk.img", std::string(512, '\0') + std::string(4095 * 512, 'x'));
  ASSERT_TRUE(write_partition_table(store, image));
  EXPECT_EQ(sfdisk_dump(image), expected_dump(store));
  EXPECT_EQ(bytes_of(image).substr(512), std::string(4095 * 512, 'x'));
}

TEST(WriteTable, FurtherStoresWithTheirOwnName) {
  const std::string xml =
      layout_v2_xml("<Stores><Store><Partitions>" + part("MainOS", sectors_xml(8), gpt) +
                    "</Partitions></Store>"
                    "<Store><DevicePath>d</DevicePath><SizeInSectors>2048</SizeInSectors><Partitions>" +
                    part("Boot", sectors_xml(8), "0x83") + "</Partitions></Store></Stores>");
  const fakes::TempFolder folder{"/dev/shm"};
  const StoreLayout store = store_of(xml, 4096, 1);
  EXPECT_NE(store.disk_signature, image_disk_signature);
  EXPECT_EQ(sfdisk_dump(written(folder, store)), expected_dump(store));
}

TEST(WriteTable, RefusesAFileOfAnotherSize) {
  const fakes::TempFolder folder{"/dev/shm"};
  const StoreLayout store = store_of(layout_xml(part("MainOS", sectors_xml(8), "0x07")), 4096);
  for (const auto& image : {folder.sparse("short.img", 4095 * 512), folder.sparse("long.img", 4097 * 512),
                            folder / "missing.img", folder.path()}) {
    const auto status = write_partition_table(store, image);
    ASSERT_FALSE(status) << image;
    EXPECT_EQ(status.error().code, errc::table_write);
    EXPECT_THAT(status.error().detail, HasSubstr(image.string()));
  }
}

// A layout made by hand that no table can hold: libfdisk's own words come through.
TEST(WriteTable, TellsWhatLibfdiskRefuses) {
  const fakes::TempFolder folder{"/dev/shm"};
  StoreLayout store = store_of(layout_xml(part("MainOS", sectors_xml(8), gpt)), 4096);
  store.partitions[0].place.count = 5000;
  const auto status = write_partition_table(store, folder.sparse("disk.img", 4096 * 512));
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, errc::table_write);
  EXPECT_THAT(status.error().detail, HasSubstr("MainOS"));
}

}  // namespace
}  // namespace flashline::imaging
