// A workspace becomes an image, for real boards; other people's tools say what is in it.

#include "imaging/build/build_image.h"

#include <map>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/errors/build.h"
#include "tests/imaging/build/board_images.h"

namespace flashline::imaging {
namespace {

namespace fs = std::filesystem;

TEST_P(BoardImage, holds_what_its_packages_say) {
  expect_marks();
  const ImageReport& report = built_->report;
  // The table, by sfdisk.
  const ToolRun table = run_tool("sfdisk --dump " + disk_.string());
  EXPECT_EQ(table.code, 0) << table.output;
  for (const WrittenPartition& one : report.image.partitions) {
    EXPECT_NE(
        table.output.find(fmt::format("start={:>12}, size={:>12}", one.start.value / 512, one.length.value / 512)),
        std::string::npos)
        << one.name << " in\n"
        << table.output;
  }
  // FAT, by mtools.
  for (const WrittenPartition& one : report.image.partitions) {
    if (!one.file_system.starts_with("FAT") || one.files == 0) continue;
    const fs::path out = folder_ / ("fat-" + one.name);
    fs::create_directory(out);
    const ToolRun copied =
        run_tool(fmt::format("mcopy -s -n -i {}@@{} '::/*' {}", disk_.string(), one.start.value, out.string()));
    EXPECT_EQ(copied.code, 0) << copied.output;
    expect_files(one.name, out);
  }
  // NTFS, by ntfs-3g's tools.
  const WrittenPartition& main_os = partition("MainOS");
  EXPECT_EQ(main_os.file_system, "NTFS");
  const fs::path volume = cut(main_os);
  const fs::path out = folder_ / "ntfs";
  for (const ImageReport::File& file : report.files) {
    if (file.partition != "MainOS") continue;
    fs::create_directories((out / file.path.substr(1)).parent_path());
    const ToolRun run = run_tool(
        fmt::format("ntfscat -f {} '{}' > '{}'", volume.string(), file.path, (out / file.path.substr(1)).string()));
    EXPECT_EQ(run.code, 0) << file.path << run.output;
  }
  expect_files("MainOS", out);
  // The registry, by hivex, value by value.
  std::map<std::string, std::string> expected;  // key \n value name -> text
  for (const ImagePackage& package : report.packages) {
    if (package.package.identity.partition != "MainOS") continue;
    for (const RegistryKey& key : package.package.registry) {
      for (const RegistryValue& value : key.values) {
        if (value.type != RegistryType::sz) continue;
        std::string text;
        for (std::size_t i = 0; i + 1 < value.data.size(); i += 2) text += static_cast<char>(value.data[i]);
        while (text.ends_with('\0')) text.pop_back();
        expected[key.path + "\n" + value.name] = text;
      }
    }
  }
  EXPECT_GE(expected.size(), 2U);
  for (const auto& [where, text] : expected) {
    const std::string key = where.substr(0, where.find('\n'));
    const std::string name = where.substr(where.find('\n') + 1);
    const bool system = key.starts_with(R"(HKEY_LOCAL_MACHINE\SYSTEM\)");
    if (!system && !key.starts_with(R"(HKEY_LOCAL_MACHINE\SOFTWARE\)")) continue;
    const std::string rest = key.substr(key.find('\\', key.find('\\') + 1) + 1);
    const fs::path hive = out / "Windows/System32/config" / (system ? "SYSTEM" : "SOFTWARE");
    const ToolRun value =
        run_tool(fmt::format("hivexget {} '\\{}' '{}'", hive.string(), rest, name.empty() ? "@" : name));
    EXPECT_EQ(value.output, text + "\n") << where;
  }
}

INSTANTIATE_TEST_SUITE_P(Boards, BoardImage,
                         ::testing::Values(Board{"RPi2", "arm", "SampleA", place_rpi2},
                                           Board{"RPi3", "arm", "Panel", place_rpi},
                                           Board{"DragonBoard", "arm", "Dragon", place_dragonboard},
                                           Board{"MinnowBoard", "x64", "Minnow", place_minnowboard},
                                           Board{"iMX8M", "arm64", "Evk", place_imx}),
                         [](const auto& row) { return row.param.name; });

class ImxImage : public BoardImage {};

/// Where the boot ROM looks: 33 KiB from the disk's first byte.
TEST_P(ImxImage, has_its_loader_where_the_boot_rom_looks) {
  const std::string loader = "firmware BootLoader/flash.bin";
  std::ifstream in{disk_, std::ios::binary};
  in.seekg(0x8400);
  std::string there(loader.size() + 1, 'x');
  in.read(there.data(), static_cast<std::streamsize>(there.size()));
  EXPECT_EQ(there, loader + '\0');
  EXPECT_EQ(partition("BOOTLOADER").raw_from, "NXP.NXPEVK_iMX8M_4GB.BootLoader.cab");
  EXPECT_EQ(partition("BOOTLOADER").content.value, loader.size());
}

INSTANTIATE_TEST_SUITE_P(Boards, ImxImage, ::testing::Values(Board{"iMX8M", "arm64", "Evk", place_imx}),
                         [](const auto& row) { return row.param.name; });

const Board panel{"RPi3", "arm", "Panel", place_rpi};

TEST_F(BuildImage, without_stand_ins_names_all_that_is_missing) {
  panel.place(root());
  ImageBuildOptions asked = options(panel);
  asked.stand_ins = false;
  const auto built = build_image(asked);
  ASSERT_FALSE(built);
  EXPECT_EQ(built.error().code, errc::packages_missing) << built.error().detail;
  for (const char* name : {"IoTUAPFM.xml", "RASPBERRYPI.RPi2.dwcUsbOtg.cab", "RASPBERRYPI.RPi.LAN9500N650F.cab",
                           "Contoso.RPi.vchiq.cab", "IOT_EFIESP ", "bcmgpio.inf"}) {
    EXPECT_NE(built.error().detail.find(name), std::string::npos) << name << " in " << built.error().detail;
  }
  const auto lines = std::ranges::count(built.error().detail, '\n');
  EXPECT_TRUE(built.error().detail.starts_with(fmt::format("{} missing:\n", lines))) << "a line each";
  EXPECT_TRUE(to_text(built.error()).ends_with("\n" + std::string{advice_of(errc::packages_missing)}));
  EXPECT_FALSE(fs::exists(asked.out));
}

TEST_F(BuildImage, twice_is_the_same_and_the_second_time_nothing_is_built) {
  panel.place(root());
  const ImageBuildOptions asked = options(panel);
  const auto first = build_image(asked);
  ASSERT_TRUE(first) << to_text(first.error());
  EXPECT_FALSE(first->reused);
  const std::string image = text_of(asked.out);
  const std::string json = text_of(asked.out.string() + ".json");
  const std::string page = text_of(asked.out.string() + ".html");
  const auto second = build_image(asked);
  ASSERT_TRUE(second) << to_text(second.error());
  EXPECT_TRUE(second->reused);
  EXPECT_EQ(second->cabs.built, 0U);
  fs::rename(root(), folder_ / "elsewhere");
  fs::remove_all(folder_ / "elsewhere/Build");
  ImageBuildOptions other = asked;
  other.workspace = folder_ / "elsewhere";
  const auto third = build_image(other);
  ASSERT_TRUE(third) << to_text(third.error());
  EXPECT_FALSE(third->reused);
  EXPECT_TRUE(text_of(asked.out) == image) << "another machine, the same bytes";
  EXPECT_TRUE(text_of(asked.out.string() + ".json") == json);
  EXPECT_TRUE(text_of(asked.out.string() + ".html") == page);
}

TEST_F(BuildImage, a_later_hour_alone_is_no_reason_to_build) {
  panel.place(root());
  ImageBuildOptions asked = options(panel);
  asked.fixed_time = false;
  ASSERT_TRUE(build_image(asked));
  asked.time += 3600;
  const auto later = build_image(asked);
  ASSERT_TRUE(later) << to_text(later.error());
  EXPECT_TRUE(later->reused);
  EXPECT_EQ(later->cabs.built, 0U);
  std::ofstream{root() / "Source-arm/Products/Panel/oemcustomization.cmd", std::ios::app} << "more";
  const auto changed = build_image(asked);
  ASSERT_TRUE(changed) << to_text(changed.error());
  EXPECT_FALSE(changed->reused);
  EXPECT_EQ(changed->report.time, asked.time);
  EXPECT_GE(changed->cabs.built, 2U) << "what changed, and Registry.Version with its BUILDTIME";
  EXPECT_GT(changed->cabs.reused, 0U);
}

TEST_F(BuildImage, retail_has_no_stand_ins) {
  panel.place(root());
  const fs::path product = root() / "Source-arm/Products/Panel";
  fs::copy_file(product / "TestOEMInput.xml", product / "RetailOEMInput.xml", fs::copy_options::overwrite_existing);
  ImageBuildOptions asked = options(panel);
  asked.config = BuildConfig::retail;
  EXPECT_EQ(build_image(asked).error().code, errc::config_mismatch);
  replace_in(product / "RetailOEMInput.xml", "<ReleaseType>Test<", "<ReleaseType>Production<");
  EXPECT_EQ(build_image(asked).error().code, errc::stand_ins_retail);
}

TEST_F(BuildImage, two_foreground_apps_are_a_conflict_by_name) {
  panel.place(root());
  deliver(root() / "Source-arm/Packages/Appx.IoTCoreDefaultApp",
          {"SmartDisplay.appx", "Microsoft.NET.Native.Framework.2.1.appx", "Microsoft.NET.Native.Runtime.2.1.appx",
           "Microsoft.VCLibs.ARM.14.00.appx"});
  const fs::path product = root() / "Source-arm/Products/Panel";
  replace_in(product / "TestOEMInput.xml", "<Feature>OEM_ProvAuto</Feature>",
             "<Feature>OEM_ProvAuto</Feature><Feature>APP_IOTCOREDEFAULTAPP</Feature>");
  replace_in(product / "prov/customizations.xml", "</Common>",
             "<StartupApp><Default>Kiosk_1!App</Default></StartupApp></Common>");
  const auto built = build_image(options(panel));
  ASSERT_FALSE(built);
  EXPECT_EQ(built.error().code, errc::foreground_apps);
  for (const char* name : {"Kiosk_1!App in Contoso.Provisioning.Auto.cab: ProvAuto.ppkg",
                           "IoTCoreDefaultAppUnderTest_xt56s901y70eg!App in Contoso.Appx.IoTCoreDefaultApp.cab"}) {
    EXPECT_NE(built.error().detail.find(name), std::string::npos) << built.error().detail;
  }
}

TEST_F(BuildImage, a_raw_image_larger_than_its_partition_is_refused) {
  const Board board{"iMX8M", "arm64", "Evk", place_imx};
  board.place(root());
  fs::resize_file(root() / "Source-arm64/BSP/NXPEVK_iMX8M_4GB/Packages/BootLoader/flash.bin", 4096 * 512 + 1);
  const auto built = build_image(options(board));
  ASSERT_FALSE(built);
  EXPECT_EQ(built.error().code, errc::raw_too_large) << built.error().detail;
  EXPECT_NE(built.error().detail.find("BOOTLOADER"), std::string::npos);
  EXPECT_FALSE(fs::exists(options(board).out));
}

}  // namespace
}  // namespace flashline::imaging
