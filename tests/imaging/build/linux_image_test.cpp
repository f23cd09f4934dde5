// The sample workspace becomes images, with any bytes for what Debian brings; e2fsprogs, mtools and sfdisk say what is
// in them. That such an image boots is shown by tests/samples.

#include <algorithm>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <iterator>
#include <regex>
#include <span>
#include <spdlog/fmt/fmt.h>

#include "imaging/build/build_image.h"
#include "imaging/build/skeleton.h"
#include "imaging/core/errors/build.h"
#include "imaging/core/errors/filesystem.h"
#include "imaging/source/extract.h"
#include "tests/fakes/temp_folder.h"
#include "tests/fakes/tool.h"

namespace flashline::imaging {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

constexpr std::time_t moment = 1767323040;

std::string text_of(const fs::path& path) {
  std::ifstream in{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}

void write_text(const fs::path& path, std::string_view text) {
  fs::create_directories(path.parent_path());
  std::ofstream{path, std::ios::binary} << text;
}

/// What is committed of the samples: neither payload nor what somebody built.
void copy_samples(const fs::path& to) {
  const fs::path from{FLASHLINE_SOURCE_DIR "/samples"};
  for (fs::recursive_directory_iterator at{from}, end; at != end; ++at) {
    const std::string name = at->path().filename().string();
    if (at->is_directory() && (name == "payload" || name == "Build")) {
      at.disable_recursion_pending();
    } else if (at->is_regular_file()) {
      const fs::path target = to / fs::relative(at->path(), from);
      fs::create_directories(target.parent_path());
      fs::copy_file(at->path(), target);
    }
  }
}

/// Each file that a definition takes from `payload`, as a program of a few bytes.
void deliver_payload(const fs::path& workspace) {
  const std::regex source{R"re(source="(payload\\[^"]+)")re"};
  std::vector<fs::path> definitions;
  for (const auto& entry : fs::recursive_directory_iterator{workspace}) {
    if (entry.path().string().ends_with(".wm.xml")) definitions.push_back(entry.path());
  }
  for (const fs::path& definition : definitions) {
    const std::string text = text_of(definition);
    for (std::sregex_iterator at{text.begin(), text.end(), source}, end; at != end; ++at) {
      for (const char* arch : {"amd64", "arm64"}) {
        std::string path = std::regex_replace((*at)[1].str(), std::regex{R"(\$\(BSPARCH\))"}, arch);
        std::ranges::replace(path, '\\', '/');
        write_text(definition.parent_path() / path,
                   "\x7f"
                   "ELF " +
                       path);
      }
    }
  }
}

class LinuxImage : public ::testing::Test {
 protected:
  void SetUp() override { copy_samples(root()); }
  fs::path root() const { return folder_ / "ws"; }

  ImageBuildOptions options(const char* product) const {
    ImageBuildOptions options;
    options.workspace = root();
    options.product = product;
    options.out = folder_ / (std::string{product} + ".ffu");
    options.time = moment;
    options.fixed_time = true;
    return options;
  }

  fakes::TempFolder folder_{"/tmp"};
};

struct Board {
  const char* name;
  const char* product;
  const char* table;  ///< a part of what sfdisk says
  std::vector<const char*> boot_files;
};

class LinuxBoard : public LinuxImage, public ::testing::WithParamInterface<Board> {
 protected:
  void SetUp() override {
    LinuxImage::SetUp();
    deliver_payload(root());
    const ImageBuildOptions asked = options(GetParam().product);
    auto built = build_image(asked);
    ASSERT_TRUE(built) << to_text(built.error());
    report_ = std::move(built->report);
    OpenOptions open;
    open.trust.allow_unsigned = true;
    auto image = open_image(asked.out, open);
    ASSERT_TRUE(image) << to_text(image.error());
    const auto extracted = extract_image(*std::move(image), {}, disk_);
    ASSERT_TRUE(extracted) << to_text(extracted.error());
  }

  const WrittenPartition& partition(std::string_view name) const {
    return *std::ranges::find(report_.image.partitions, name, &WrittenPartition::name);
  }

  /// The partition as a file of its own, for tools that know no offsets.
  fs::path cut(std::string_view name) const {
    const WrittenPartition& one = partition(name);
    const fs::path out = folder_ / (one.name + ".part");
    const ToolRun run = run_tool(
        fmt::format("dd if={} of={} bs=1M iflag=skip_bytes,count_bytes skip={} count={} conv=sparse status=none",
                    disk_.string(), out.string(), one.start.value, one.length.value));
    EXPECT_EQ(run.code, 0) << run.output;
    fs::resize_file(out, one.length.value);
    return out;
  }

  void expect_files(std::string_view partition, const fs::path& folder) const {
    for (const ImageReport::File& file : report_.files) {
      if (file.partition != partition) continue;
      const std::string bytes = text_of(folder / file.path.substr(1));
      EXPECT_EQ(bytes.size(), file.size) << file.path;
      EXPECT_EQ(to_hex(sha256(std::as_bytes(std::span{bytes}))), to_hex(file.digest)) << file.path;
    }
  }

  std::string debugfs(const fs::path& volume, const std::string& request) const {
    return run_tool(fmt::format("debugfs -R '{}' {} 2>&1", request, volume.string())).output;
  }

  fs::path disk_ = folder_ / "disk.img";
  ImageReport report_;
};

TEST_P(LinuxBoard, has_the_table_that_its_firmware_reads) {
  const ToolRun table = run_tool("sfdisk --dump " + disk_.string());
  EXPECT_EQ(table.code, 0) << table.output;
  EXPECT_THAT(table.output, HasSubstr(GetParam().table));
  ASSERT_EQ(report_.image.partitions.size(), 3U);
}

TEST_P(LinuxBoard, boots_from_a_fat_file_system) {
  const fs::path out = folder_ / "boot";
  fs::create_directory(out);
  const ToolRun copied = run_tool(
      fmt::format("mcopy -s -n -i {}@@{} '::/*' {}", disk_.string(), partition("EFIESP").start.value, out.string()));
  EXPECT_EQ(copied.code, 0) << copied.output;
  expect_files("EFIESP", out);
  for (const char* file : GetParam().boot_files) EXPECT_TRUE(fs::exists(out / file)) << file;
}

TEST_P(LinuxBoard, runs_from_an_ext4_file_system) {
  const fs::path volume = cut("MainOS");
  const ToolRun judged = run_tool("e2fsck -fn " + volume.string());
  EXPECT_EQ(judged.code, 0) << judged.output;
  const fs::path out = folder_ / "root";
  fs::create_directory(out);
  debugfs(volume, "rdump / " + out.string());
  expect_files("MainOS", out);
  for (const char* folder : {"dev", "proc", "sys", "run", "boot", "data"}) EXPECT_TRUE(fs::is_directory(out / folder));
  EXPECT_THAT(debugfs(volume, "stat /usr/lib/systemd/systemd"), HasSubstr("Mode:  0755"));
  EXPECT_THAT(debugfs(volume, "stat /usr/bin/panel-agent"), HasSubstr("Mode:  0755"));
  EXPECT_THAT(debugfs(volume, "stat /etc/systemd/system.conf"), HasSubstr("Mode:  0644"));
}

TEST_P(LinuxBoard, is_warned_of_nothing_but_missing_signatures) {
  ASSERT_EQ(report_.warnings.size(), 1U) << ::testing::PrintToString(report_.warnings);
  EXPECT_THAT(report_.warnings.front(), HasSubstr("not signed"));
}

INSTANTIATE_TEST_SUITE_P(
    Boards, LinuxBoard,
    ::testing::Values(Board{"QemuX64",
                            "Panel",
                            "label: gpt",
                            {"EFI/BOOT/BOOTX64.EFI", "loader/entries/board.conf", "vmlinuz", "initrd.img"}},
                      Board{"RaspberryPi4",
                            "PanelPi",
                            "type=c, bootable",
                            {"config.txt", "cmdline.txt", "start4.elf", "vmlinuz", "bcm2711-rpi-4-b.dtb"}}),
    [](const auto& row) { return row.param.name; });

TEST_F(LinuxImage, has_what_lies_below_data_on_the_partition_data) {
  deliver_payload(root());
  const auto built = build_image(options("Signage"));
  ASSERT_TRUE(built) << to_text(built.error());
  const auto file = std::ranges::find(built->report.files, "/media/part-1.tar", &ImageReport::File::path);
  ASSERT_NE(file, built->report.files.end());
  EXPECT_EQ(file->partition, "Data");
}

TEST_F(LinuxImage, is_not_built_while_firmware_is_missing_and_each_file_is_named) {
  const auto built = build_image(options("PanelPi"));
  ASSERT_FALSE(built);
  EXPECT_EQ(built.error().code, errc::packages_missing);
  for (const char* name : {R"(payload\arm64\busybox)", R"(payload\start4.elf)", R"(payload\vmlinuz)"}) {
    EXPECT_THAT(built.error().detail, HasSubstr(name));
  }
}

/// What `flashline new` makes needs nothing but the board's own boot files.
TEST_F(LinuxImage, of_a_new_board_product_and_app_is_built_as_it_comes) {
  deliver_payload(root());
  const auto workspace = read_workspace(root());
  ASSERT_TRUE(workspace);
  ASSERT_TRUE(new_bsp(*workspace, "arm64", "Board1", ImageProduct::linux_system));
  ASSERT_TRUE(new_product(*workspace, "arm64", {.name = "Lobby", .bsp = "Board1"}));
  ASSERT_TRUE(new_package(*workspace, "App.Clock", "Common/Packages", ImageProduct::linux_system));
  ASSERT_TRUE(new_package(*workspace, "Board1.Led", "Source-arm64/BSP/Board1/Packages", ImageProduct::linux_system));
  const fs::path oem = root() / "Source-arm64/Products/Lobby/TestOEMInput.xml";
  write_text(oem, std::regex_replace(text_of(oem), std::regex{"<!-- <Feature>APP_NAME</Feature> -->"},
                                     "<Feature>APP_CLOCK</Feature><Feature>BOARD1_LED</Feature>"));
  const auto built = build_image(options("Lobby"));
  ASSERT_TRUE(built) << to_text(built.error());
  std::vector<std::string> main_os;
  for (const ImageReport::File& file : built->report.files) {
    if (file.partition == "MainOS") main_os.push_back(file.path);
  }
  EXPECT_THAT(main_os, ::testing::IsSupersetOf({"/usr/bin/clock", "/usr/lib/systemd/system/clock.service",
                                                "/usr/lib/systemd/system/multi-user.target.d/clock.conf",
                                                "/usr/bin/led", "/usr/lib/systemd/systemd"}));
  EXPECT_FALSE(fs::exists(root() / "Source-arm64/Products/Lobby/oemcustomization.cmd"));
}

TEST_F(LinuxImage, has_one_app_in_the_foreground) {
  deliver_payload(root());
  const fs::path packages = root() / "Common/Packages";
  fs::copy(packages / "App.Kiosk", packages / "App.Other", fs::copy_options::recursive);
  fs::rename(packages / "App.Other/App.Kiosk.wm.xml", packages / "App.Other/App.Other.wm.xml");
  const auto rename = [](const fs::path& file, const char* from, const char* to) {
    write_text(file, std::regex_replace(text_of(file), std::regex{from}, to));
  };
  rename(packages / "App.Other/App.Other.wm.xml", "Kiosk", "Other");
  rename(packages / "App.Other/App.Other.wm.xml", R"(<file source="p.*)", "");
  rename(packages / "App.Other/kiosk.service", "panel-kiosk", "other");
  rename(packages / "CommonFM.xml", "Linux.Base.cab\" />",
         "Linux.Base.cab\" /><PackageFile Path=\"%PKGBLD_DIR%\" Name=\"%OEM_NAME%.App.Other.cab\" />");
  const auto built = build_image(options("Panel"));
  ASSERT_FALSE(built);
  EXPECT_EQ(built.error().code, errc::tree_collision) << built.error().detail;
  for (const char* name : {"kiosk.service", "Flashline.App.Kiosk.cab", "Flashline.App.Other.cab"}) {
    EXPECT_THAT(built.error().detail, HasSubstr(name));
  }
}

}  // namespace
}  // namespace flashline::imaging
