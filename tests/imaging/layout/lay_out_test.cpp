// Where partitions come to lie: rules one by one, numbers by hand.

#include "imaging/layout/lay_out.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "imaging/core/errors/layout.h"
#include "tests/imaging/layout/layout_xml.h"

namespace flashline::imaging {
namespace {

using ::testing::HasSubstr;

constexpr std::string_view mbr = "0x07";

std::string part(std::string_view name, std::string_view rest, std::string_view type = mbr) {
  return partition_xml(name, type, rest);
}
std::string offset(std::uint64_t sector) { return "<OffsetInSectors>" + std::to_string(sector) + "</OffsetInSectors>"; }
constexpr std::string_view rest_of_disk = "<UseAllSpace>true</UseAllSpace>";

Result<DiskLayout> placed(const std::string& xml, std::uint64_t sectors, const ContentSizes& contents = {}) {
  const auto layout = layout_of(xml);
  EXPECT_TRUE(layout) << layout.error().detail;
  if (!layout) return std::unexpected{layout.error()};
  return lay_out(*layout, disk_of(sectors), contents);
}

/// "first+count" of each partition, and "E first+count" of the extended one.
std::string places(const StoreLayout& store) {
  std::string text;
  const auto add = [&](std::string_view what, const SectorRange& place) {
    text += std::string{text.empty() ? "" : " "} + std::string{what} + std::to_string(place.first) + "+" +
            std::to_string(place.count);
  };
  for (const auto& partition : store.partitions) add(partition.logical ? "L" : "", partition.place);
  if (store.extended) add("E", *store.extended);
  return text;
}

struct Placed {
  const char* name;
  std::string xml;
  std::uint64_t sectors;  ///< of the disk
  ContentSizes contents;
  const char* places;
};
class LayOut : public ::testing::TestWithParam<Placed> {};

TEST_P(LayOut, Places) {
  const auto disk = placed(GetParam().xml, GetParam().sectors, GetParam().contents);
  ASSERT_TRUE(disk) << disk.error().detail;
  EXPECT_EQ(places(disk->stores.front()), GetParam().places);
}

const std::string head_4096 = "<SectorSize>4096</SectorSize>";
const std::string gpt{basic_data};

INSTANTIATE_TEST_SUITE_P(
    Rules, LayOut,
    ::testing::Values(
        Placed{"mbr_begins_behind_its_sector", layout_xml(part("MainOS", rest_of_disk)), 100, {}, "1+99"},
        Placed{"gpt_leaves_34_and_33", layout_xml(part("MainOS", rest_of_disk, gpt)), 100, {}, "34+33"},
        Placed{"gpt_on_4096_leaves_6_and_5",
               layout_xml(part("MainOS", "<UseAllSpace>1</UseAllSpace><ByteAlignment>4096</ByteAlignment>", gpt),
                          head_4096),
               100,
               {},
               "6+89"},
        Placed{"default_alignment_is_64_KiB",
               layout_xml(part("MainOS", rest_of_disk), "<SectorSize>512</SectorSize>"),
               1000,
               {},
               "128+872"},
        Placed{"own_alignment",
               layout_xml(part("A", sectors_xml(3)) +
                          part("MainOS", sectors_xml(3, "<ByteAlignment>4096</ByteAlignment>")) +
                          part("B", sectors_xml(1))),
               100,
               {},
               "1+3 8+3 11+1"},
        Placed{"single_sector_alignment",
               layout_xml(part("A", sectors_xml(3)) +
                              part("MainOS", sectors_xml(3, "<SingleSectorAlignment>1</SingleSectorAlignment>")),
                          "<SectorSize>512</SectorSize>"),
               1000,
               {},
               "128+3 131+3"},
        Placed{"an_offset_is_not_aligned",
               layout_xml(part("A", sectors_xml(3, offset(2))) + part("MainOS", sectors_xml(3)),
                          "<SectorSize>512</SectorSize>"),
               1000,
               {},
               "2+3 128+3"},
        Placed{"an_offset_back_into_a_gap",
               layout_xml(part("MainOS", sectors_xml(3, offset(50))) + part("A", sectors_xml(3, offset(10))) +
                          part("B", sectors_xml(3))),
               100,
               {},
               "50+3 10+3 13+3"},
        Placed{
            "min_free_of_nothing", layout_xml(part("MainOS", "<MinFreeSectors>10</MinFreeSectors>")), 100, {}, "1+10"},
        Placed{"min_free_zero_keeps_an_alignment_unit",
               layout_xml(part("MainOS", "<MinFreeSectors>0</MinFreeSectors><ByteAlignment>4096</ByteAlignment>")),
               100,
               {},
               "8+8"},
        Placed{"content_is_rounded_up_before_free_is_added",
               layout_xml(part("MainOS", "<MinFreeSectors>10</MinFreeSectors><ByteAlignment>4096</ByteAlignment>")),
               100,
               {{"mainos", 9}},
               "8+26"},
        Placed{"content_that_is_whole_stays",
               layout_xml(part("MainOS", "<MinFreeSectors>10</MinFreeSectors><ByteAlignment>4096</ByteAlignment>")),
               100,
               {{"MainOS", 16}},
               "8+26"},
        Placed{"content_fills_a_fixed_one", layout_xml(part("MainOS", sectors_xml(8))), 100, {{"MainOS", 8}}, "1+8"},
        Placed{"three_on_an_mbr_are_primary",
               layout_xml(part("MainOS", sectors_xml(8)) + part("A", sectors_xml(8)) + part("B", rest_of_disk)),
               100,
               {},
               "1+8 9+8 17+83"},
        Placed{"the_fourth_is_logical_behind_its_ebr",
               layout_xml(part("MainOS", sectors_xml(8)) + part("A", sectors_xml(8)) + part("B", sectors_xml(8)) +
                          part("C", sectors_xml(8))),
               100,
               {},
               "1+8 9+8 17+8 L26+8 E25+9"},
        Placed{"each_logical_has_an_ebr",
               layout_xml(part("MainOS", sectors_xml(8)) + part("A", sectors_xml(8)) + part("B", sectors_xml(8)) +
                          part("C", sectors_xml(8)) + part("D", sectors_xml(8, "<ByteAlignment>4096</ByteAlignment>")) +
                          part("E", rest_of_disk)),
               100,
               {},
               "1+8 9+8 17+8 L26+8 L40+8 L49+51 E25+75"},
        Placed{"an_ebr_moves_an_aligned_one",
               layout_xml(part("MainOS", sectors_xml(7)) + part("A", sectors_xml(8)) + part("B", sectors_xml(8)) +
                          part("C", sectors_xml(8, "<ByteAlignment>4096</ByteAlignment>"))),
               100,
               {},
               "1+7 8+8 16+8 L32+8 E31+9"},
        Placed{"a_logical_with_an_offset",
               layout_xml(part("MainOS", sectors_xml(8)) + part("A", sectors_xml(8)) + part("B", sectors_xml(8)) +
                          part("C", sectors_xml(8, offset(50)))),
               100,
               {},
               "1+8 9+8 17+8 L50+8 E49+9"},
        Placed{"a_gpt_has_no_logical_ones",
               layout_xml(part("MainOS", sectors_xml(8), gpt) + part("A", sectors_xml(8), gpt) +
                          part("B", sectors_xml(8), gpt) + part("C", rest_of_disk, gpt)),
               200,
               {},
               "34+8 42+8 50+8 58+109"},
        Placed{"the_last_sector_can_be_used", layout_xml(part("MainOS", sectors_xml(99))), 100, {}, "1+99"}),
    [](const auto& row) { return row.param.name; });

struct Refused {
  const char* name;
  std::string xml;
  std::uint64_t sectors;
  ContentSizes contents;
  Errc code;
  const char* detail;
};
class LayOutRefuses : public ::testing::TestWithParam<Refused> {};

TEST_P(LayOutRefuses, WithCodeAndPlace) {
  const auto disk = placed(GetParam().xml, GetParam().sectors, GetParam().contents);
  ASSERT_FALSE(disk);
  EXPECT_EQ(code_of(disk.error().code), code_of(GetParam().code)) << disk.error().detail;
  EXPECT_THAT(disk.error().detail, HasSubstr("L.xml"));
  EXPECT_THAT(disk.error().detail, HasSubstr(GetParam().detail));
}

const std::string four = part("MainOS", sectors_xml(8)) + part("A", sectors_xml(8)) + part("B", sectors_xml(8));

INSTANTIATE_TEST_SUITE_P(
    Rules, LayOutRefuses,
    ::testing::Values(
        Refused{"too_large",
                layout_xml(part("MainOS", sectors_xml(100))),
                100,
                {},
                errc::layout_too_large,
                "end at sector 101"},
        Refused{"too_large_for_a_gpt",
                layout_xml(part("MainOS", sectors_xml(34), gpt)),
                100,
                {},
                errc::layout_too_large,
                "up to 67"},
        Refused{"too_large_by_content",
                layout_xml(part("MainOS", "<MinFreeSectors>10</MinFreeSectors>")),
                100,
                {{"MainOS", 90}},
                errc::layout_too_large,
                "MainOS"},
        Refused{"no_rest_left",
                layout_xml(part("MainOS", sectors_xml(99)) + part("D", rest_of_disk)),
                100,
                {},
                errc::layout_too_large,
                "D"},
        Refused{"disk_smaller_than_a_gpt",
                layout_xml(part("MainOS", sectors_xml(1), gpt)),
                66,
                {},
                errc::layout_too_large,
                "GPT"},
        Refused{"content_larger_than_fixed",
                layout_xml(part("MainOS", sectors_xml(8))),
                100,
                {{"MainOS", 9}},
                errc::layout_content,
                "9 of 8"},
        Refused{"content_larger_than_rest",
                layout_xml(part("MainOS", rest_of_disk)),
                100,
                {{"MainOS", 100}},
                errc::layout_content,
                "100 of 99"},
        Refused{"content_of_nobody",
                layout_xml(part("MainOS", sectors_xml(8))),
                100,
                {{"MMOS", 1}},
                errc::layout_target,
                "'MMOS': MainOS"},
        Refused{"offset_on_the_mbr",
                layout_xml(part("MainOS", sectors_xml(8, offset(0)))),
                100,
                {},
                errc::layout_overlap,
                "first free one is 1"},
        Refused{"offset_on_another",
                layout_xml(part("MainOS", sectors_xml(8)) + part("A", sectors_xml(8, offset(8)))),
                100,
                {},
                errc::layout_overlap,
                "lie over MainOS"},
        Refused{"offset_around_another",
                layout_xml(part("MainOS", sectors_xml(8, offset(20))) + part("A", sectors_xml(50, offset(2)))),
                100,
                {},
                errc::layout_overlap,
                "lie over MainOS"},
        Refused{"next_one_runs_into_a_fixed_one",
                layout_xml(part("MainOS", sectors_xml(3, offset(20))) + part("A", sectors_xml(3, offset(10))) +
                           part("B", sectors_xml(10))),
                100,
                {},
                errc::layout_overlap,
                "lie over MainOS"},
        Refused{"rest_runs_over_a_fixed_one",
                layout_xml(part("MainOS", sectors_xml(3, offset(60))) + part("A", sectors_xml(3, offset(10))) +
                           part("B", rest_of_disk)),
                100,
                {},
                errc::layout_overlap,
                "lie over MainOS"},
        Refused{"ebr_on_another",
                layout_xml(four + part("C", sectors_xml(8, offset(25)))),
                100,
                {},
                errc::layout_overlap,
                "24 to 32 lie over B"},
        Refused{"logical_ones_out_of_order",
                layout_xml(four + part("C", sectors_xml(8, offset(60))) + part("D", sectors_xml(8, offset(40)))),
                100,
                {},
                errc::layout_overlap,
                "before C"},
        Refused{"primary_inside_of_the_extended",
                layout_xml(part("MainOS", sectors_xml(8)) + part("A", sectors_xml(8)) +
                           part("B", sectors_xml(8, offset(50))) + part("C", sectors_xml(8, offset(30))) +
                           part("D", sectors_xml(8, offset(70)))),
                100,
                {},
                errc::layout_overlap,
                "inside of the extended"},
        Refused{"fat32_small",
                layout_xml(part("MainOS", sectors_xml(66580, "<FileSystem>FAT32</FileSystem>"))),
                100000,
                {},
                errc::layout_fat32_small,
                "66581"},
        Refused{"fat32_small_for_its_clusters",
                layout_xml(part("MainOS",
                                sectors_xml(500000, "<FileSystem>FAT32</FileSystem><ClusterSize>4096</ClusterSize>"))),
                1000000,
                {},
                errc::layout_fat32_small,
                "525256"},
        Refused{"mbr_of_more_than_2_TiB",
                layout_xml(part("MainOS", sectors_xml(8))),
                0x100000000,
                {},
                errc::layout_mbr_limit,
                "4294967296"},
        Refused{"gpt_offset_inside_of_a_full_table",
                layout_xml(part("MainOS", sectors_xml(8, offset(2)), gpt)),
                100,
                {},
                errc::layout_overlap,
                "sector 2"},
        Refused{"gpt_offset_0",
                layout_xml(part("MainOS", sectors_xml(8, offset(0)), gpt)),
                100,
                {},
                errc::layout_overlap,
                "sector 0"}),
    [](const auto& row) { return row.param.name; });

TEST(LayOut, Fat32ThatIsJustLargeEnough) {
  // 32 reserved + 2 tables of 512 sectors + 65525 clusters of one sector.
  EXPECT_TRUE(placed(layout_xml(part("MainOS", sectors_xml(66581, "<FileSystem>FAT32</FileSystem>"))), 100000));
}

TEST(LayOut, MainOsGetsWhatThePlatformAsksFor) {
  const auto layout = layout_of(layout_xml(part("MainOS", "<MinFreeSectors>10</MinFreeSectors>") +
                                           part("Data", "<MinFreeSectors>10</MinFreeSectors>")));
  auto platform = disk_of(1000);
  platform.additional_main_os_free_sectors = 100;
  platform.main_os_rtc_sectors = 5;
  const auto disk = lay_out(*layout, platform, {});
  ASSERT_TRUE(disk) << disk.error().detail;
  EXPECT_EQ(places(disk->stores[0]), "1+115 116+10");
}

TEST(LayOut, ATableMakesRoomForALoaderAtSector16) {
  // 14 sectors are left for entries, 4 in each.
  const auto disk =
      placed(layout_xml(part("Loader", sectors_xml(8, offset(16)), gpt) + part("MainOS", rest_of_disk, gpt)), 100);
  ASSERT_TRUE(disk) << disk.error().detail;
  const auto& store = disk->stores.front();
  EXPECT_EQ(store.entry_count, 56U);
  EXPECT_EQ(store.first_usable, 16U);
  EXPECT_EQ(store.last_usable, 84U);
  EXPECT_EQ(places(store), "16+8 24+61");
}

TEST(LayOut, OnlyDefinedEntries) {
  const auto disk = placed(
      layout_v2_xml("<Stores><Store><OnlyAllocateDefinedGptEntries>true</OnlyAllocateDefinedGptEntries><Partitions>" +
                    part("A", sectors_xml(1), gpt) + part("B", sectors_xml(1), gpt) + part("C", sectors_xml(1), gpt) +
                    part("D", sectors_xml(1), gpt) + part("MainOS", rest_of_disk, gpt) +
                    "</Partitions></Store></Stores>"),
      100);
  ASSERT_TRUE(disk) << disk.error().detail;
  const auto& store = disk->stores.front();
  EXPECT_EQ(store.entry_count, 5U);  // two sectors
  EXPECT_EQ(store.first_usable, 4U);
  EXPECT_EQ(store.last_usable, 96U);
  EXPECT_EQ(places(store), "4+1 5+1 6+1 7+1 8+89");
}

TEST(LayOut, FurtherStoresHaveTheirOwnDisk) {
  const std::string second = "<Store><DevicePath>eMMC boot</DevicePath><SizeInSectors>80</SizeInSectors><Partitions>" +
                             part("Boot", rest_of_disk, gpt) + "</Partitions></Store>";
  const auto disk = placed(layout_v2_xml("<Stores><Store><Partitions>" + part("MainOS", rest_of_disk) +
                                         "</Partitions></Store>" + second + "</Stores>"),
                           100);
  ASSERT_TRUE(disk) << disk.error().detail;
  ASSERT_EQ(disk->stores.size(), 2U);
  EXPECT_EQ(disk->stores[0].disk_signature, 0xAE420040U);
  EXPECT_EQ(disk->stores[0].sectors, 100U);
  EXPECT_EQ(places(disk->stores[0]), "1+99");
  EXPECT_EQ(disk->stores[1].sectors, 80U);
  EXPECT_EQ(places(disk->stores[1]), "34+13");
  EXPECT_NE(disk->stores[1].disk_guid, image_disk_guid());
  EXPECT_EQ(disk->stores[1].disk_guid, derived_guid(image_disk_guid(), "store 2"));
  EXPECT_EQ(disk->stores[1].device_path, "eMMC boot");
  const auto* const boot = find_partition(disk->stores[1], "BOOT");
  ASSERT_NE(boot, nullptr);
  EXPECT_EQ(boot->id, derived_guid(disk->stores[1].disk_guid, "Boot"));
  EXPECT_EQ(find_partition(disk->stores[0], "Boot"), nullptr);
}

TEST(LayOut, AStoreLargerThanTheSmallestDiskIsRefused) {
  const auto disk = placed(layout_v2_xml("<Stores><Store><SizeInSectors>101</SizeInSectors><Partitions>" +
                                         part("MainOS", rest_of_disk) + "</Partitions></Store></Stores>"),
                           100);
  ASSERT_FALSE(disk);
  EXPECT_EQ(disk.error().code, errc::layout_too_large);
  EXPECT_THAT(disk.error().detail, HasSubstr("P.xml:1:"));
}

TEST(LayOut, IdsAreThoseOfTheFileElseFollowFromTheName) {
  const std::string id = "<Id>{11111111-2222-3333-4444-555555555555}</Id>";
  const auto disk = placed(layout_xml(part("MainOS", sectors_xml(8, id), gpt) + part("Data", rest_of_disk, gpt)), 100);
  ASSERT_TRUE(disk) << disk.error().detail;
  const auto& parts = disk->stores[0].partitions;
  EXPECT_EQ(to_text(parts[0].id), "11111111-2222-3333-4444-555555555555");
  EXPECT_EQ(to_text(parts[1].id), "6BDD2C0C-BF5F-86B8-8F5A-C0B271BDA51A");
}

TEST(LayOut, ContentThatNoDiskHoldsIsRefusedNotAddedUp) {
  const auto disk = placed(layout_xml(part("MainOS", "<MinFreeSectors>10</MinFreeSectors>")), 100, {{"MainOS", ~0ULL}});
  ASSERT_FALSE(disk);
  EXPECT_EQ(disk.error().code, errc::layout_content);
}

}  // namespace
}  // namespace flashline::imaging
