// A disk with two FAT partitions and one that is none, made by sgdisk and mkfs.fat, judged by mtools and fsck.fat.

#include "imaging/provisioning/render_overlay.h"

#include <gmock/gmock.h>

#include "imaging/core/errors/image.h"
#include "imaging/core/errors/unit.h"
#include "tests/imaging/filesystem/fat/fat_image.h"

namespace flashline::imaging {
namespace {

class RenderOverlay : public ::testing::Test {
 protected:
  static constexpr std::uint64_t esp = 2048 * 512;
  static constexpr std::uint64_t boot = (2048 + 73728) * 512ULL;

  void SetUp() override {
    run("truncate -s 64M " + disk);
    run("sgdisk -n 1:2048:75775 -c 1:ESP -t 1:EF00 -n 3:75776:96255 -c 3:firmware -n 4:96256:116735 -c 4:data " + disk);
    run("mkfs.fat -F 32 -s 1 -n SYSTEM --offset 2048 " + disk + " 36864");
    run("mkfs.fat -F 16 -n BOOT --offset 75776 " + disk + " 10240");
    run("mcopy -i " + disk + "@@" + std::to_string(boot) + " " + disk + ".seed ::/config.txt");
  }
  void run(const std::string& command) {
    if (command.starts_with("mcopy")) run("sh -c 'echo from the image > " + disk + ".seed'");
    const ToolRun done = run_tool(command);
    ASSERT_EQ(done.code, 0) << command << "\n" << done.output;
  }
  /// The image with the overlay over it, as a board would hold it.
  std::string board(const UnitOverlay& overlay) {
    std::string bytes = FatImage::file(disk);
    for (const OverlayExtent& extent : overlay.extents) {
      bytes.replace(extent.at.value, extent.bytes.size(), as_text(extent.bytes));
    }
    const std::string path = (folder / "board.img").string();
    std::ofstream{path, std::ios::binary} << bytes;
    return path;
  }
  std::string mtype(const std::string& path, std::uint64_t partition, const std::string& name) {
    return run_tool("mtype -i " + path + "@@" + std::to_string(partition) + " ::" + name).output;
  }
  Result<UnitOverlay> render(std::vector<OverlayFile> files) {
    FileView view{disk};
    auto overlay = render_overlay(view, files, fields, test_time);
    EXPECT_EQ(view.writes, 0) << "the image is never modified";
    return overlay;
  }

  fakes::TempFolder folder;
  std::string disk = (folder / "disk.img").string();
  UnitFields fields{{"serial", "FL-000001"}, {"mac.0", "02:00:5E:10:00:00"}};
};

TEST_F(RenderOverlay, places_files_by_number_name_and_label) {
  const auto overlay = render({{"1", "/flashline/identity.env", "SERIAL=${serial}\n", "r.xml:1:1"},
                               {"firmware", "/config.txt", "mac=${mac.0}\n", "r.xml:2:1"},
                               {"BOOT", "a/new folder/With a long name.txt", "$$", "r.xml:3:1"},
                               {"3", "b", "", "r.xml:4:1"}});
  ASSERT_TRUE(overlay) << overlay.error().detail;
  const std::string path = board(*overlay);
  EXPECT_EQ(mtype(path, esp, "flashline/identity.env"), "SERIAL=FL-000001\n");
  EXPECT_EQ(mtype(path, boot, "config.txt"), "mac=02:00:5E:10:00:00\n");
  EXPECT_EQ(mtype(path, boot, "'a/new folder/With a long name.txt'"), "$");
  for (const auto& [start, length] : {std::pair{esp, 36864}, std::pair{boot, 10240}}) {
    const std::string part = (folder / "part.img").string();
    run("dd status=none bs=512 if=" + path + " of=" + part + " skip=" + std::to_string(start / 512) +
        " count=" + std::to_string(length * 2));
    EXPECT_EQ(run_tool("fsck.fat -n " + part).code, 0);
  }
  EXPECT_EQ(run_tool("sgdisk -v " + path).code, 0);
}

TEST_F(RenderOverlay, changes_little_and_the_same_way_each_time) {
  const std::vector<OverlayFile> files{{"ESP", "/identity.env", "SERIAL=${serial}\n", "r.xml"}};
  const auto first = render(files);
  const auto second = render(files);
  ASSERT_TRUE(first && second);
  std::size_t bytes = 0;
  ASSERT_EQ(first->extents.size(), second->extents.size());
  for (std::size_t i = 0; i < first->extents.size(); ++i) {
    EXPECT_EQ(first->extents[i].bytes, second->extents[i].bytes);
    bytes += first->extents[i].bytes.size();
  }
  EXPECT_LE(bytes, 6 * CowView::page_size) << "FSInfo, two tables, the folder and the contents";
  EXPECT_TRUE(render({})->extents.empty());
}

TEST_F(RenderOverlay, a_disk_without_a_table_is_one_partition) {
  FatImage floppy{"-F 12 -n FLOPPY", 1440};
  FileView view{floppy.path()};
  const std::vector<OverlayFile> files{{"1", "by number", "x", "r"}, {"FLOPPY", "by label", "x", "r"}};
  EXPECT_TRUE(render_overlay(view, files, fields, test_time));
}

TEST_F(RenderOverlay, refusals_name_their_origin) {
  const auto refused = [&](OverlayFile file, Errc code) {
    const auto overlay = render({std::move(file)});
    ASSERT_FALSE(overlay);
    EXPECT_EQ(overlay.error().code, code) << overlay.error().detail;
    EXPECT_THAT(overlay.error().detail, ::testing::StartsWith("r.xml:7:9"));
  };
  refused({"nowhere", "/a", "", "r.xml:7:9"}, errc::overlay_partition);
  refused({"2", "/a", "", "r.xml:7:9"}, errc::overlay_partition);
  refused({"data", "/a", "", "r.xml:7:9"}, errc::overlay_partition);
  refused({"ESP", "/a", "${nothing}", "r.xml:7:9"}, errc::template_field);
  refused({"ESP", "/a:b", "", "r.xml:7:9"}, errc::fat_bad_name);
  refused({"BOOT", "/big", std::string(11'000'000, 'x'), "r.xml:7:9"}, errc::fat_full);
}

TEST_F(RenderOverlay, a_label_that_two_partitions_have_is_no_answer) {
  run("mlabel -i " + disk + "@@" + std::to_string(boot) + " ::SYSTEM");
  EXPECT_EQ(render({{"SYSTEM", "/a", "", "r"}}).error().code, errc::overlay_partition);
}

}  // namespace
}  // namespace flashline::imaging
