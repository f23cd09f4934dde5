// Every layout and platform of the real boards: placed as on the sheets of tests/golden/layout, written, and read by
// other people's tools.

#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <set>
#include <sstream>

#include "imaging/layout/lay_out.h"
#include "imaging/layout/layout_warnings.h"
#include "imaging/layout/write_partition_table.h"
#include "tests/fakes/temp_folder.h"
#include "tests/imaging/layout/disk_judges.h"
#include "tests/imaging/layout/layout_xml.h"

namespace flashline::imaging {
namespace {

using ::testing::HasSubstr;

const std::filesystem::path data{FLASHLINE_SOURCE_DIR "/tests/data/iot-workspace"};
/// What the sheets assume of MainOS.
const ContentSizes contents{{"MainOS", 1500000}};

struct Board {
  const char* name;
  std::string layout;
  std::string platform;
  const char* sheet;
  std::vector<std::string> ids;
};

const std::string kit = "iot-adk-addonkit/Workspace/Common/Packages/";
const std::string qualcomm = "iot-adk-addonkit/Workspace/Source-arm/BSP/QCDB410C/Packages/QCDB410C.";
const std::string sabre = "imx-iotcore/build/board/Sabre_iMX7D_1GB/Package/";
const std::string compulab = "imx-iotcore/build/board/ClSomImx7_iMX7D_1GB/Package/";
const std::string humming = "imx-iotcore/build/board/HummingBoardEdge_iMX6Q_2GB/Package/";
const std::string imx8m = "imx-iotcore/build/board/NXPEVK_iMX8M_4GB/Package/";
const std::string layout_4gb = "DeviceLayoutProd/devicelayoutprod.xml";
const std::string layout_2gb = "DeviceLayoutProdMin2GB/devicelayoutprodmin2gb.xml";
const std::string platform_4gb = "OEMDevicePlatform/DevicePlatform.xml";
const std::string platform_2gb = "OEMDevicePlatformMin2GB/DevicePlatform.xml";

const std::vector<Board> boards{
    {"RaspberryPi",
     kit + "DeviceLayout.MBR4GB/DeviceLayout.xml",
     kit + "DeviceLayout.MBR4GB/OEMDevicePlatform.xml",
     "mbr-4gb",
     {"*"}},
    {"RaspberryPiRecovery",
     kit + "DeviceLayout.MBR8GB-R/DeviceLayout.xml",
     kit + "DeviceLayout.MBR8GB-R/OEMDevicePlatform.xml",
     "mbr-8gb-r",
     {"*"}},
    {"MinnowBoard",
     kit + "DeviceLayout.GPT4GB/DeviceLayout.xml",
     kit + "DeviceLayout.GPT4GB/OEMDevicePlatform.xml",
     "gpt-4gb",
     {"*"}},
    // The data has only the platform of the recovery form.
    {"DragonBoard",
     qualcomm + "DeviceLayout/DeviceLayout.xml",
     qualcomm + "DevicePlatform-R/OEMDevicePlatform.xml",
     "dragonboard",
     {"*"}},
    {"DragonBoardRecovery",
     qualcomm + "DeviceLayout-R/DeviceLayout.xml",
     qualcomm + "DevicePlatform-R/OEMDevicePlatform.xml",
     "dragonboard-r",
     {"*"}},
    {"Sabre", sabre + layout_4gb, sabre + platform_4gb, "imx-4gb", {"Sabre_iMX7D_1GB", "*"}},
    {"Sabre2GB", sabre + layout_2gb, sabre + platform_2gb, "imx-2gb", {"Sabre_iMX7D_1GB", "*"}},
    {"ClSom", compulab + layout_4gb, compulab + platform_4gb, "imx-4gb", {"CL-SOM-IMX7", "*"}},
    {"ClSom2GB", compulab + layout_2gb, compulab + platform_2gb, "imx-2gb", {"CL-SOM-IMX7", "*"}},
    {"HummingBoard", humming + layout_4gb, humming + platform_4gb, "imx-4gb", {"HummingBoardEdge_iMX6Q_2GB", "*"}},
    {"HummingBoard2GB", humming + layout_2gb, humming + platform_2gb, "imx-2gb", {"HummingBoardEdge_iMX6Q_2GB", "*"}},
    {"Imx8m", imx8m + layout_4gb, imx8m + platform_4gb, "imx8m", {"NXPEVK_iMX8M_4GB", "*"}},
};

DiskLayout lay_out_board(const Board& board) {
  const auto layout = read_device_layout(data / board.layout);
  EXPECT_TRUE(layout) << layout.error().detail;
  const auto platform = read_device_platform(data / board.platform);
  EXPECT_TRUE(platform) << platform.error().detail;
  auto disk = lay_out(layout.value(), platform.value(), contents);
  EXPECT_TRUE(disk) << disk.error().detail;
  return std::move(disk).value();
}

/// A sheet without its remarks.
std::string sheet(const std::string& name) {
  std::ifstream in{std::string{FLASHLINE_SOURCE_DIR "/tests/golden/layout/"} + name + ".txt"};
  std::string text;
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with('#')) text += line + "\n";
  }
  return text;
}

class RealLayout : public ::testing::TestWithParam<Board> {};

TEST_P(RealLayout, IsPlacedAsOnItsSheet) {
  const DiskLayout disk = lay_out_board(GetParam());
  ASSERT_EQ(disk.stores.size(), 1U);
  EXPECT_EQ(sheet_of(disk.stores[0]), sheet(GetParam().sheet));
  EXPECT_EQ(disk.chunk_size, 128 * 1024U);
  EXPECT_EQ(disk.version_tag, "IoTUAP");
  const auto platform = read_device_platform(data / GetParam().platform);
  EXPECT_EQ(platform->ids, GetParam().ids);
  EXPECT_TRUE(platform->compressed_main_os);
}

TEST_P(RealLayout, IsReadByOthersAsItWasPlaced) {
  const StoreLayout store = lay_out_board(GetParam()).stores.at(0);
  const fakes::TempFolder folder{"/dev/shm"};
  const auto image = folder.sparse("disk.img", store.sectors * store.sector_size);
  const auto written = write_partition_table(store, image);
  ASSERT_TRUE(written) << written.error().detail;
  EXPECT_EQ(sfdisk_dump(image), expected_dump(store));
  if (store.style == TableStyle::mbr) {
    const ToolRun run = run_tool("sfdisk --verify " + image.string());
    EXPECT_EQ(run.code, 0) << run.output;
    return;
  }
  const ToolRun run = run_tool("sgdisk --verify " + image.string());
  EXPECT_THAT(run.output, HasSubstr("No problems found"));
}

INSTANTIATE_TEST_SUITE_P(Boards, RealLayout, ::testing::ValuesIn(boards),
                         [](const auto& row) { return row.param.name; });

TEST(RealLayouts, AllOfTheDataAreInTheTable) {
  std::set<std::filesystem::path> known;
  for (const Board& board : boards) {
    known.insert(data / board.layout);
    known.insert(data / board.platform);
  }
  std::set<std::filesystem::path> found;
  for (const auto& entry : std::filesystem::recursive_directory_iterator{data}) {
    if (entry.path().extension() != ".xml") continue;
    std::ifstream in{entry.path(), std::ios::binary};
    std::ostringstream text;
    text << in.rdbuf();
    for (const char* const root : {"<DeviceLayout ", "<OEMDevicePlatform "}) {
      if (text.str().find(root) != std::string::npos) found.insert(entry.path());
    }
  }
  EXPECT_EQ(found, known);
}

std::uint64_t byte_of(std::size_t board, std::string_view partition) {
  const StoreLayout store = lay_out_board(boards[board]).stores.at(0);
  const auto* const found = find_partition(store, partition);
  return found != nullptr ? found->place.first * store.sector_size : 0;
}

// Microsoft's own tool prints the volume id {ae420040-0000-0000-0000-800200000000} for it: 0x02800000 is the byte.
TEST(RealLayouts, RaspberryPi4GbHasMainOsAt40MiB) { EXPECT_EQ(byte_of(0, "MainOS"), 40_MiB); }

TEST(RealLayouts, ImxLoadersLieWhereTheBootRomReads) {
  EXPECT_EQ(byte_of(5, "BOOTLOADER"), 0x400U);
  EXPECT_EQ(byte_of(6, "BOOTLOADER"), 0x400U);
  EXPECT_EQ(byte_of(11, "BOOTLOADER"), 0x8400U);
}

TEST(RealLayouts, DragonBoardHas31PartitionsOr32) {
  EXPECT_EQ(lay_out_board(boards[3]).stores[0].partitions.size(), 31U);
  EXPECT_EQ(lay_out_board(boards[4]).stores[0].partitions.size(), 32U);
}

std::vector<std::string> warnings_of(const Board& board, const std::vector<std::string>& features) {
  const auto layout = read_device_layout(data / board.layout);
  return layout_warnings(layout.value(), lay_out_board(board), features);
}

TEST(RealLayouts, WarnOfTheWrongBootConfigurationAlone) {
  for (const Board& board : boards) {
    const bool gpt = lay_out_board(board).stores[0].style == TableStyle::gpt;
    const std::string right = gpt ? "IOT_EFIESP_BCD" : "IOT_EFIESP_BCD_MBR";
    const std::string wrong = gpt ? "iot_efiesp_bcd_mbr" : "iot_efiesp_bcd";
    const std::size_t small = std::string_view{board.sheet} == "imx-2gb" ? 1 : 0;  // MinFreeSectors of 262144
    EXPECT_EQ(warnings_of(board, {"IOT_EFIESP", right}).size(), small) << board.name;
    EXPECT_EQ(warnings_of(board, {"IOT_EFIESP", wrong}).size(), small + 1) << board.name;
  }
}

}  // namespace
}  // namespace flashline::imaging
