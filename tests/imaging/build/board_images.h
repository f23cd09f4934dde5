#pragma once
// Boards of the shared data as workspaces, and their images, opened.

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <initializer_list>
#include <iterator>
#include <span>
#include <spdlog/fmt/fmt.h>
#include <string>

#include "imaging/build/build_image.h"
#include "imaging/core/errors/trust.h"
#include "imaging/ffu/manifest.h"
#include "imaging/source/extract.h"
#include "tests/fakes/temp_folder.h"
#include "tests/fakes/tool.h"

namespace flashline::imaging {

namespace fs = std::filesystem;

inline const fs::path shared{FLASHLINE_SOURCE_DIR "/tests/data/iot-workspace"};
inline constexpr std::time_t moment = 1767323040;

inline std::string text_of(const fs::path& path) {
  std::ifstream in{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}

/// A board of the shared data, and what its image must be.
struct Board {
  const char* name;
  const char* arch;
  const char* product;
  void (*place)(const fs::path& workspace);
};

inline void copy_tree(const fs::path& from, const fs::path& to) {
  fs::create_directories(to);
  fs::copy(from, to, fs::copy_options::recursive | fs::copy_options::overwrite_existing);
}

inline void replace_in(const fs::path& file, const std::string& from, const std::string& to) {
  std::string text = text_of(file);
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) {
    text.replace(at, from.size(), to);
  }
  std::ofstream{file, std::ios::binary} << text;
}

/// Firmware that nobody publishes: any bytes do.
inline void deliver(const fs::path& folder, std::initializer_list<const char*> names) {
  for (const char* name : names) {
    fs::create_directories((folder / name).parent_path());
    std::ofstream{folder / name, std::ios::binary} << "firmware " << name;
  }
}

inline void place_rpi2(const fs::path& workspace) {
  copy_tree(shared / "iot-adk-addonkit-17134/Source-arm/BSP/Rpi2", workspace / "Source-arm/BSP/Rpi2");
  deliver(workspace / "Source-arm/Products/SampleA", {"oemcustomization.cmd"});
}

inline void make_product(const fs::path& workspace, const char* arch, const char* name, const char* bsp) {
  const fs::path product = workspace / (std::string{"Source-"} + arch) / "Products" / name;
  const fs::path samples = workspace / (std::string{"Source-"} + arch) / "BSP" / bsp / "OEMInputSamples";
  copy_tree(samples, product);
  std::ofstream{product / (std::string{name} + "Settings.xml")} << fmt::format(
      "<IoTProductSettings><Name>{}</Name><Arch>{}</Arch><BSP>{}</BSP></IoTProductSettings>", name, arch, bsp);
  copy_tree(workspace / "Source-arm/Products/SampleA/prov", product / "prov");
  deliver(product, {"oemcustomization.cmd"});
}

inline void place_rpi(const fs::path& workspace) {
  const fs::path bsp = workspace / "Source-arm/BSP/RPi";
  copy_tree(shared / "rpi-iotcore/bspfiles", bsp);
  deliver(bsp / "Packages/RPi.BootFirmware", {"bootcode.bin", "fixup.dat", "fixup_cd.dat", "fixup_x.dat", "kernel.img",
                                              "LICENCE.broadcom", "start.elf", "start_cd.elf", "start_x.elf"});
  make_product(workspace, "arm", "Panel", "RPi");
  replace_in(workspace / "Source-arm/Products/Panel/TestOEMInput.xml", "RPi-R", "RPi");
}

inline void place_dragonboard(const fs::path& workspace) {
  make_product(workspace, "arm", "Dragon", "QCDB410C");
  // The platform of the form without recovery is among the packages that Qualcomm does not hand out.
  const fs::path oem = workspace / "Source-arm/Products/Dragon/TestOEMInput.xml";
  replace_in(oem, "<SOC>QC8016</SOC>", "<SOC>QC8016_R</SOC>");
  replace_in(oem, "<Device>8016sbc</Device>", "<Device>8016sbc_R</Device>");
}

inline void place_minnowboard(const fs::path& workspace) { make_product(workspace, "x64", "Minnow", "MBMx64"); }

/// The i.MX trees keep another form: definitions lie one folder above their payload.
inline void place_imx(const fs::path& workspace) {
  const fs::path from = shared / "imx-iotcore/build/board/NXPEVK_iMX8M_4GB";
  const fs::path bsp = workspace / "Source-arm64/BSP/NXPEVK_iMX8M_4GB";
  copy_tree(from / "Package", bsp / "Packages");
  for (const auto& entry : fs::recursive_directory_iterator{from / "Package"}) {
    if (!entry.path().string().ends_with(".wm.xml")) continue;
    const fs::path folder = entry.path().parent_path().filename();
    fs::rename(bsp / "Packages" / folder / entry.path().filename(), bsp / "Packages" / entry.path().filename());
  }
  fs::remove(bsp / "Packages/svupdateOS.wm.xml");
  fs::copy(from / "InputFMs/NXPEVK_iMX8M_4GB_DeviceFM.xml", bsp / "Packages");
  fs::copy(from / "NXPEVK_iMX8M_4GB_FMFileList.xml", bsp / "Packages");
  fs::create_directories(bsp / "OEMInputSamples");
  fs::copy(from / "NXPEVK_iMX8M_4GB_TestOEMInput.xml", bsp / "OEMInputSamples/TestOEMInput.xml");
  deliver(bsp / "Packages", {"BootFirmware/uefi.fit", "BootLoader/flash.bin"});
  make_product(workspace, "arm64", "Evk", "NXPEVK_iMX8M_4GB");
}

class BuildImage : public ::testing::Test {
 protected:
  void SetUp() override { copy_tree(shared / "iot-adk-addonkit/Workspace", root()); }
  fs::path root() const { return folder_ / "ws"; }

  ImageBuildOptions options(const Board& board) const {
    ImageBuildOptions options;
    options.workspace = root();
    options.product = board.product;
    options.arch = board.arch;
    options.out = folder_ / (std::string{board.product} + ".ffu");
    options.stand_ins = true;
    options.time = moment;
    options.fixed_time = true;
    return options;
  }

  fakes::TempFolder folder_{"/tmp"};
};

class BoardImage : public BuildImage, public ::testing::WithParamInterface<Board> {
 protected:
  void SetUp() override {
    BuildImage::SetUp();
    GetParam().place(root());
    const ImageBuildOptions asked = options(GetParam());
    built_ = build_image(asked);
    ASSERT_TRUE(built_) << to_text(built_.error());
    OpenOptions open;
    open.trust.allow_unsigned = true;
    auto image = open_image(asked.out, open);
    ASSERT_TRUE(image) << to_text(image.error());
    facts_ = image->facts;
    const auto extracted = extract_image(*std::move(image), {}, disk_);
    ASSERT_TRUE(extracted) << to_text(extracted.error());
  }

  const WrittenPartition& partition(std::string_view name) const {
    return *std::ranges::find(built_->report.image.partitions, name, &WrittenPartition::name);
  }

  /// The partition as a file of its own.
  fs::path cut(const WrittenPartition& partition) const {
    const fs::path out = folder_ / (partition.name + ".part");
    const ToolRun run = run_tool(fmt::format(
        "dd if={} of={} bs=512 skip={} count={} conv=sparse status=none && truncate -s {} {}", disk_.string(),
        out.string(), partition.start.value / 512, partition.length.value / 512, partition.length.value, out.string()));
    EXPECT_EQ(run.code, 0) << run.output;
    return out;
  }

  /// Every file that the report knows of that partition is in `folder`, byte for byte.
  void expect_files(std::string_view partition, const fs::path& folder) const {
    std::size_t count = 0;
    for (const ImageReport::File& file : built_->report.files) {
      if (file.partition != partition) continue;
      const std::string bytes = text_of(folder / file.path.substr(1));
      EXPECT_EQ(bytes.size(), file.size) << file.path;
      EXPECT_EQ(to_hex(sha256(std::as_bytes(std::span{bytes}))), to_hex(file.digest)) << file.path;
      ++count;
    }
    EXPECT_GT(count, 0U);
  }

  /// Nobody takes it for an image that may be shipped.
  void expect_marks() const {
    EXPECT_NE(facts_.description.find(test_release_mark), std::string::npos);
    EXPECT_NE(facts_.description.find("stand-ins"), std::string::npos);
    OpenOptions production;
    production.trust.mode = TrustMode::production;
    production.trust.allow_unsigned = true;
    EXPECT_EQ(open_image(options(GetParam()).out, production).error().code, errc::test_release);
    production.trust.inspect_only = true;
    const auto shown = open_image(options(GetParam()).out, production);
    ASSERT_TRUE(shown);
    ASSERT_TRUE(shown->facts.trust.refusal);
    EXPECT_EQ(shown->facts.trust.refusal->code, errc::test_release);
    const std::string json = text_of(options(GetParam()).out.string() + ".json");
    EXPECT_NE(json.find("\"shippable\": false"), std::string::npos);
    EXPECT_NE(json.find("\"stand_in\": true"), std::string::npos);
    EXPECT_EQ(json.find(root().string()), std::string::npos) << "no path of this machine";
    const std::string page = text_of(options(GetParam()).out.string() + ".html");
    EXPECT_NE(page.find("Not for shipping"), std::string::npos);
    EXPECT_EQ(page.find("src="), std::string::npos) << "it needs nothing but itself";
  }

  fs::path disk_ = folder_ / "disk.img";
  Result<ImageBuild> built_{};
  ImageFacts facts_;
};

}  // namespace flashline::imaging
