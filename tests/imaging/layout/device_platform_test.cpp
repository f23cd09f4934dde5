// OEMDevicePlatform.xml: what is read, and each thing that is refused, with its code and place.

#include "imaging/layout/device_platform.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "imaging/core/errors/build.h"
#include "imaging/core/errors/layout.h"
#include "tests/imaging/layout/layout_xml.h"

namespace flashline::imaging {
namespace {

using ::testing::ElementsAre;
using ::testing::StartsWith;

constexpr std::string_view sectors = "<MinSectorCount>7372800</MinSectorCount>";
constexpr std::string_view any_id = "<DevicePlatformID>*</DevicePlatformID>";

std::string with(std::string_view more) { return platform_xml(std::string{sectors} + std::string{more}); }
std::string with_id(std::string_view more) { return with(std::string{any_id} + std::string{more}); }

TEST(DevicePlatform, ReadsEveryElement) {
  const auto platform =
      platform_of(with("<DevicePlatformIDs><ID>Raspberry Pi.RPi.RPi2</ID><ID>*</ID></DevicePlatformIDs>"
                       "<CompressedPartitions><Name>mainos</Name></CompressedPartitions>"
                       "<AdditionalMainOSFreeSectorsRequest>100</AdditionalMainOSFreeSectorsRequest>"
                       "<MainOSRTCDataReservedSectors>0x20</MainOSRTCDataReservedSectors>"));
  ASSERT_TRUE(platform) << platform.error().detail;
  EXPECT_EQ(platform->min_sector_count, 7372800U);
  EXPECT_THAT(platform->ids, ElementsAre("Raspberry Pi.RPi.RPi2", "*"));
  EXPECT_TRUE(platform->compressed_main_os);
  EXPECT_EQ(platform->additional_main_os_free_sectors, 100U);
  EXPECT_EQ(platform->main_os_rtc_sectors, 32U);
}

TEST(DevicePlatform, TakesTheOldFormOfOneId) {
  const auto platform = platform_of(with_id(""));
  ASSERT_TRUE(platform) << platform.error().detail;
  EXPECT_THAT(platform->ids, ElementsAre("*"));
  EXPECT_FALSE(platform->compressed_main_os);
  EXPECT_EQ(platform->additional_main_os_free_sectors + platform->main_os_rtc_sectors, 0U);
}

struct Refused {
  const char* name;
  std::string xml;
  Errc code;
  const char* at;
};
class DevicePlatformRefuses : public ::testing::TestWithParam<Refused> {};

TEST_P(DevicePlatformRefuses, WithCodeAndPlace) {
  const Refused& row = GetParam();
  const auto platform = platform_of(row.xml);
  ASSERT_FALSE(platform);
  EXPECT_EQ(code_of(platform.error().code), code_of(row.code)) << platform.error().detail;
  const std::size_t offset = row.xml.find(row.at);
  ASSERT_NE(offset, std::string::npos) << row.at;
  EXPECT_THAT(platform.error().detail, StartsWith("P.xml:1:" + std::to_string(offset + 1) + ": "));
}

INSTANTIATE_TEST_SUITE_P(
    All, DevicePlatformRefuses,
    ::testing::Values(
        Refused{"wrong_root", "<DevicePlatform xmlns=\"" + std::string{v1_space} + "\"/>", errc::layout_namespace,
                "DevicePlatform"},
        Refused{"wrong_namespace", "<OEMDevicePlatform xmlns=\"x\"/>", errc::layout_namespace, "OEMDevicePlatform"},
        Refused{"unknown_element", with_id("<Sectors/>"), errc::xml_unknown, "Sectors/"},
        Refused{"element_twice", with_id("<MinSectorCount >1</MinSectorCount>"), errc::layout_repeated,
                "MinSectorCount >"},
        Refused{"no_sectors", platform_xml(any_id), errc::xml_missing, "OEMDevicePlatform"},
        Refused{"sectors_empty", platform_xml("<MinSectorCount/>" + std::string{any_id}), errc::xml_missing,
                "MinSectorCount"},
        Refused{"sectors_zero", platform_xml("<MinSectorCount>0</MinSectorCount>" + std::string{any_id}),
                errc::platform_sectors, "0<"},
        Refused{"sectors_word", platform_xml("<MinSectorCount>4GB</MinSectorCount>" + std::string{any_id}),
                errc::xml_value, "4GB"},
        Refused{"sectors_huge", platform_xml("<MinSectorCount>0x100000000001</MinSectorCount>" + std::string{any_id}),
                errc::layout_number, "0x1"},
        Refused{"no_id", with(""), errc::platform_ids, "OEMDevicePlatform"},
        Refused{"both_forms", with_id("<DevicePlatformIDs><ID>*</ID></DevicePlatformIDs>"), errc::platform_ids,
                "*</DevicePlatformID>"},
        Refused{"empty_list", with("<DevicePlatformIDs></DevicePlatformIDs>"), errc::platform_ids, "DevicePlatformIDs"},
        Refused{"empty_id", with("<DevicePlatformIDs><ID> </ID></DevicePlatformIDs>"), errc::platform_ids, "ID> "},
        Refused{"id_not_ascii", with("<DevicePlatformIDs><ID>\xC3\xA4</ID></DevicePlatformIDs>"), errc::platform_ids,
                "\xC3\xA4"},
        Refused{"id_twice", with("<DevicePlatformIDs><ID>abc</ID><ID>ABC</ID></DevicePlatformIDs>"),
                errc::layout_repeated, "ABC"},
        Refused{"ids_long",
                with("<DevicePlatformIDs><ID>*</ID><ID>" + std::string(190, 'i') + "</ID></DevicePlatformIDs>"),
                errc::platform_ids, "iiii"},
        Refused{"id_with_child", with("<DevicePlatformIDs><Id2>*</Id2></DevicePlatformIDs>"), errc::xml_unknown, "Id2"},
        Refused{"compressed_other", with_id("<CompressedPartitions><Name >Data</Name></CompressedPartitions>"),
                errc::platform_compressed, "Name >"}),
    [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace flashline::imaging
