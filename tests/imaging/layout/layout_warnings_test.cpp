// Findings that do not stop a build.

#include "imaging/layout/layout_warnings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/imaging/layout/layout_xml.h"

namespace flashline::imaging {
namespace {

struct Case {
  const char* name;
  std::string xml;
  std::vector<std::string> features;
  std::vector<const char*> warnings;  ///< a part of each
};
class LayoutWarnings : public ::testing::TestWithParam<Case> {};

TEST_P(LayoutWarnings, AreThese) {
  const auto layout = layout_of(GetParam().xml);
  ASSERT_TRUE(layout) << layout.error().detail;
  const auto disk = lay_out(*layout, disk_of(10'000'000), {});
  ASSERT_TRUE(disk) << disk.error().detail;
  const auto warnings = layout_warnings(*layout, *disk, GetParam().features);
  ASSERT_EQ(warnings.size(), GetParam().warnings.size()) << ::testing::PrintToString(warnings);
  for (std::size_t i = 0; i < warnings.size(); ++i) {
    EXPECT_THAT(warnings[i], ::testing::StartsWith("L.xml"));
    EXPECT_THAT(warnings[i], ::testing::HasSubstr(GetParam().warnings[i]));
  }
}

const std::string mbr_main = partition_xml("MainOS", "0x07", "<MinFreeSectors>1048576</MinFreeSectors>");
const std::string gpt_main = partition_xml("MainOS", basic_data, "<MinFreeSectors>1048576</MinFreeSectors>");
const std::string active = "<Bootable>true</Bootable>";
const std::string imx8_type = "{07DE03AA-F07C-4800-A28A-9B9FF76E9F47}";

INSTANTIATE_TEST_SUITE_P(
    All, LayoutWarnings,
    ::testing::Values(
        Case{"none_of_mbr", layout_xml(mbr_main), {"IOT_EFIESP_BCD_MBR"}, {}},
        Case{"none_of_gpt", layout_xml(gpt_main), {"IOT_EFIESP_BCD"}, {}},
        Case{"gpt_with_bcd_of_mbr",
             layout_xml(gpt_main),
             {"IOT_EFIESP_BCD_MBR"},
             {"IOT_EFIESP_BCD_MBR does not boot from this GPT"}},
        Case{"mbr_with_bcd_of_gpt",
             layout_xml(mbr_main),
             {"iot_efiesp_bcd"},
             {"IOT_EFIESP_BCD does not boot from this MBR"}},
        Case{"loader_of_mbr",
             layout_xml(partition_xml("BOOTLOADER", "0x4D", sectors_xml(8, "<OffsetInSectors>3</OffsetInSectors>")) +
                        mbr_main),
             {},
             {"0x600, the boot ROM of i.MX boards reads it at 0x400"}},
        Case{
            "loader_of_gpt",
            layout_xml(partition_xml("BOOTLOADER", imx8_type, sectors_xml(8, "<OffsetInSectors>64</OffsetInSectors>")) +
                       gpt_main),
            {},
            {"0x8000, the boot ROM of i.MX boards reads it at 0x8400"}},
        Case{"loader_of_another_kind",
             layout_xml(partition_xml("BOOTLOADER", basic_data, sectors_xml(8)) + gpt_main),
             {},
             {}},
        Case{"active_twice",
             layout_xml(partition_xml("A", "0x0C", sectors_xml(8, active)) +
                        partition_xml("B", "0x0C", sectors_xml(8, active)) + mbr_main),
             {},
             {"A is one of 2", "B is one of 2"}},
        Case{
            "active_logical",
            layout_xml(mbr_main + partition_xml("A", "0x0C", sectors_xml(8)) +
                       partition_xml("B", "0x0C", sectors_xml(8)) + partition_xml("C", "0x0C", sectors_xml(8, active))),
            {},
            {"C is active but logical"}},
        Case{"flags_that_an_mbr_lacks",
             layout_xml(mbr_main + partition_xml("A", "0x0C", sectors_xml(8, "<Hidden>true</Hidden>"))),
             {},
             {"A is read only or hidden"}},
        Case{"flags_that_a_gpt_has",
             layout_xml(gpt_main + partition_xml("A", basic_data, sectors_xml(8, "<Hidden>true</Hidden>"))),
             {},
             {}},
        Case{"little_free_space",
             layout_xml(partition_xml("MainOS", "0x07", "<MinFreeSectors>1048575</MinFreeSectors>")),
             {},
             {"1048575 sectors free"}},
        Case{"little_free_space_of_linux",
             layout_xml(partition_xml("MainOS", "0x83",
                                      "<FileSystem>Ext4</FileSystem><MinFreeSectors>1048575</MinFreeSectors>")),
             {},
             {}},
        Case{"fixed_main_os", layout_xml(partition_xml("MainOS", "0x07", sectors_xml(8))), {}, {}}),
    [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace flashline::imaging
