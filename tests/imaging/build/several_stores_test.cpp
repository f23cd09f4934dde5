// A layout of version 2 becomes an image of several stores.

#include "imaging/core/errors/layout.h"
#include "tests/imaging/build/board_images.h"

namespace flashline::imaging {
namespace {

namespace fs = std::filesystem;

/// The loader's partitions in a store of their own: the eMMC's first boot area.
void place_imx_of_two_stores(const fs::path& workspace) {
  place_imx(workspace);
  const fs::path file = workspace / "Source-arm64/BSP/NXPEVK_iMX8M_4GB/Packages/DeviceLayoutProd/devicelayoutprod.xml";
  const std::string text = text_of(file);
  const auto partition = [&](const std::string& name) {
    const std::size_t from = text.rfind("<Partition>", text.find("<Name>" + name + "<"));
    return text.substr(from, text.find("</Partition>", from) + 12 - from);
  };
  std::ofstream{file, std::ios::binary}
      << "<DeviceLayout xmlns=\"http://schemas.microsoft.com/embedded/2004/10/ImageUpdate/v2\">"
         "<VersionTag>IoTUAP</VersionTag><SectorSize>512</SectorSize><ChunkSize>128</ChunkSize><Stores>"
         "<Store><StoreType>MainOS</StoreType><DevicePath>VenHw(B615F1F5-5088-43CD-809C-A16E52487D00)</DevicePath>"
         "<Partitions>"
      << partition("EFIESP") << partition("MainOS") << partition("Data")
      << "</Partitions></Store><Store><Id>{12C55B20-25D3-41C9-8E06-282D94C676AD}</Id><StoreType>Boot</StoreType>"
         "<DevicePath>VenHw(12C55B20-25D3-41C9-8E06-282D94C676AD)</DevicePath><SizeInSectors>16384</SizeInSectors>"
         "<Partitions>"
      << partition("BOOTLOADER") << partition("BOOTFIRMWARE") << "</Partitions></Store></Stores></DeviceLayout>";
}

TEST_F(BuildImage, several_stores_become_one_image) {
  const Board board{"iMX8M", "arm64", "Evk", place_imx_of_two_stores};
  board.place(root());
  const ImageBuildOptions asked = options(board);
  const auto built = build_image(asked);
  ASSERT_TRUE(built) << to_text(built.error());
  OpenOptions open;
  open.trust.allow_unsigned = true;
  auto image = open_image(asked.out, open);
  ASSERT_TRUE(image) << to_text(image.error());
  EXPECT_EQ(image->facts.format, "ffu-v2");
  ASSERT_EQ(image->stores.size(), 2U);
  EXPECT_EQ(image->stores[0].device_path, "VenHw(B615F1F5-5088-43CD-809C-A16E52487D00)");
  EXPECT_EQ(image->stores[1].device_path, "VenHw(12C55B20-25D3-41C9-8E06-282D94C676AD)");
  for (std::size_t store = 0; store < 2; ++store) {
    const fs::path disk = folder_ / fmt::format("store{}.img", store);
    ASSERT_TRUE(extract_image(*open_image(asked.out, open), {.store = store}, disk));
    const ToolRun table = run_tool("sfdisk --verify " + disk.string() + " && sfdisk --dump " + disk.string());
    EXPECT_EQ(table.code, 0) << table.output;
    std::size_t rows = 0;
    for (const WrittenPartition& one : built->report.image.partitions) {
      const std::string name = fmt::format("name=\"{}\"", one.name);
      if (one.store != store) {
        EXPECT_EQ(table.output.find(name), std::string::npos) << table.output;
        continue;
      }
      ++rows;
      const std::string place = fmt::format("start={:>12}, size={:>12}", one.start.value / 512, one.length.value / 512);
      EXPECT_NE(table.output.find(place), std::string::npos) << one.name << " in\n" << table.output;
      EXPECT_NE(table.output.find(name), std::string::npos) << table.output;
    }
    EXPECT_EQ(rows, store == 0 ? 3U : 2U);
  }
  EXPECT_EQ(fs::file_size(folder_ / "store1.img"), 16384U * 512);
  const std::string loader = "firmware BootLoader/flash.bin";
  EXPECT_EQ(text_of(folder_ / "store1.img").substr(0x8400, loader.size() + 1), loader + '\0');
  const std::string json = text_of(asked.out.string() + ".json");
  EXPECT_NE(json.find("BOOTFIRMWARE"), std::string::npos);
  const std::string again = text_of(asked.out);
  fs::remove(asked.out);
  ASSERT_TRUE(build_image(asked));
  EXPECT_TRUE(text_of(asked.out) == again);
}

TEST_F(BuildImage, several_stores_need_their_paths) {
  const Board board{"iMX8M", "arm64", "Evk", place_imx_of_two_stores};
  board.place(root());
  replace_in(root() / "Source-arm64/BSP/NXPEVK_iMX8M_4GB/Packages/DeviceLayoutProd/devicelayoutprod.xml",
             "<DevicePath>VenHw(B615F1F5-5088-43CD-809C-A16E52487D00)</DevicePath>", "");
  const auto built = build_image(options(board));
  ASSERT_FALSE(built);
  EXPECT_EQ(built.error().code, errc::layout_store) << built.error().detail;
}

}  // namespace
}  // namespace flashline::imaging
