// Volumes of all three widths made by us; judged by fsck.fat and mtools.

#include "imaging/filesystem/make_fat.h"

#include <gmock/gmock.h>
#include <vector>

#include "imaging/core/errors/filesystem.h"
#include "imaging/core/errors/image.h"
#include "imaging/filesystem/fat/fat_volume.h"
#include "tests/fakes/file_view.h"
#include "tests/fakes/temp_folder.h"
#include "tests/fakes/tool.h"
#include "tests/imaging/filesystem/tree_builder.h"

namespace flashline::imaging {
namespace {

using ::testing::HasSubstr;

struct Kind {
  const char* name;
  std::optional<FatType> asked;
  std::uint32_t sector_size;
  std::uint32_t asked_cluster;
  std::uint64_t kib;
  FatType type;
  std::uint32_t cluster_size;
};
std::ostream& operator<<(std::ostream& out, const Kind& kind) { return out << kind.name; }

/// Sizes and cluster sizes of real layouts, and the borders of the tables.
const std::vector<Kind> kinds{{"floppy", std::nullopt, 512, 0, 1440, FatType::fat12, 512},
                              {"plat_8_mib", std::nullopt, 512, 0, 8192, FatType::fat12, 4096},
                              {"efiesp_32_mib", std::nullopt, 512, 0, 32768, FatType::fat16, 2048},
                              {"efiesp_64_mib", std::nullopt, 512, 0, 65536, FatType::fat16, 2048},
                              {"fat_600_mib", std::nullopt, 512, 0, 614400, FatType::fat32, 4096},
                              {"fat16_small_clusters", std::nullopt, 512, 512, 16384, FatType::fat16, 512},
                              {"fat12_asked_clusters", std::nullopt, 512, 16384, 32768, FatType::fat12, 16384},
                              {"fat32_pi_boot", FatType::fat32, 512, 0, 262144, FatType::fat32, 512},
                              {"fat32_mmos_2000_mib", FatType::fat32, 512, 0, 2048000, FatType::fat32, 4096},
                              {"fat32_4k_sectors", FatType::fat32, 4096, 0, 524288, FatType::fat32, 4096},
                              {"fat16_4k_sectors", FatType::fat16, 4096, 0, 65536, FatType::fat16, 4096},
                              {"fat32_64k_clusters", FatType::fat32, 512, 65536, 8388608, FatType::fat32, 65536}};

class Volume {
 public:
  explicit Volume(std::uint64_t bytes, const std::string& name = "fat.img") : path_{folder_.sparse(name, bytes)} {}
  Status make(const FatFormat& format, const FileTree& tree) {
    FileView view{path_};
    return make_fat(view, format, tree, build_time);
  }
  std::string findings() const {
    const ToolRun run = run_tool("fsck.fat -n " + path_.string());
    return run.code == 0 ? "" : run.output;
  }
  std::string tool(const std::string& command) const {
    return run_tool("env MTOOLS_SKIP_CHECK=1 TZ=UTC " + command).output;
  }
  const std::string path() const { return path_.string(); }
  const fakes::TempFolder& folder() const { return folder_; }

 private:
  fakes::TempFolder folder_;
  std::filesystem::path path_;
};

class MakeFat : public ::testing::TestWithParam<Kind> {};
INSTANTIATE_TEST_SUITE_P(Kinds, MakeFat, ::testing::ValuesIn(kinds), [](const auto& row) { return row.param.name; });

TEST_P(MakeFat, passes_fsck_and_mtools_and_holds_the_tree) {
  const Kind& kind = GetParam();
  Volume volume{kind.kib * 1024};
  const FatFormat format{.type = kind.asked,
                         .sector_size = kind.sector_size,
                         .cluster_size = kind.asked_cluster,
                         .first_sector = 2048,
                         .label = "efiesp",
                         .serial = 0x1234ABCD};
  const FileTree tree = sample_tree();
  const auto made = volume.make(format, tree);
  ASSERT_TRUE(made) << made.error().detail;
  EXPECT_EQ(volume.findings(), "");

  FileView view{volume.path()};
  auto opened = FatVolume::open(view);
  ASSERT_TRUE(opened) << opened.error().detail;
  EXPECT_EQ(opened->facts().type, kind.type);
  EXPECT_EQ(opened->facts().cluster_size, kind.cluster_size);
  EXPECT_EQ(opened->facts().serial, 0x1234ABCDU);
  EXPECT_FALSE(opened->facts().dirty);
  EXPECT_EQ(opened->label().value(), "EFIESP");
  EXPECT_THAT(volume.tool("minfo -i " + volume.path() + " ::"), HasSubstr("hidden sectors: 2048"));

  const std::string out = (volume.folder() / "out").string();
  std::filesystem::create_directory(out);
  EXPECT_EQ(volume.tool("mcopy -s -n -m -i " + volume.path() + " '::*' " + out), "");
  for (const auto& [key, entry] : tree.entries()) {
    SCOPED_TRACE(entry.path);
    EXPECT_TRUE(std::filesystem::exists(out + "/" + entry.path));
    if (entry.kind != EntryKind::file) continue;
    EXPECT_TRUE(opened->read_file(entry.path).value() == std::get<std::vector<std::byte>>(entry.source));
    EXPECT_EQ(std::filesystem::file_size(out + "/" + entry.path), entry.size);
  }
  // What the editing code adds later lands where there is room.
  ASSERT_TRUE(opened->write_file("/Windows/added.txt", pattern(100'000, 5), build_time));
  EXPECT_EQ(volume.findings(), "");
}

TEST(MakeFatVolume, attributes_and_times) {
  Volume volume{32_MiB};
  ASSERT_TRUE(volume.make({.label = "X"}, sample_tree()));
  const std::string listed = volume.tool("mattrib -i " + volume.path() +
                                         " ::/Windows/Übung/klein.txt ::/EFI/Microsoft/Boot/*dots.bin ::/README.TXT");
  EXPECT_THAT(listed, HasSubstr("SH   "));
  EXPECT_THAT(listed, HasSubstr("  R  "));
  EXPECT_THAT(listed, HasSubstr("A    "));
  EXPECT_THAT(volume.tool("mdir -i " + volume.path() + " ::/"), HasSubstr("2026-03-14  15:09"));
}

TEST(MakeFatVolume, the_same_input_gives_the_same_bytes_and_zeros_stay_holes) {
  Volume one{64_MiB, "one"};
  Volume two{64_MiB, "two"};
  const FatFormat format{.type = FatType::fat32, .label = "BOOT", .serial = 7};
  ASSERT_TRUE(one.make(format, sample_tree()));
  ASSERT_TRUE(two.make(format, sample_tree()));
  EXPECT_EQ(run_tool("cmp " + one.path() + " " + two.path()).code, 0);
  struct stat facts{};
  ASSERT_EQ(::stat(one.path().c_str(), &facts), 0);
  EXPECT_LT(facts.st_blocks * 512, 600'000);
}

TEST(MakeFatVolume, a_large_root_and_a_large_folder) {
  FileTree tree;
  for (int i = 0; i < 1500; ++i) {
    const std::string name = "overlay with a long name " + std::to_string(i) + ".dtbo";
    ASSERT_TRUE(tree.add(package_file("\\" + name, bytes_of(name))));
    ASSERT_TRUE(tree.add(package_file("\\overlays\\" + name, bytes_of(name))));
  }
  Volume volume{64_MiB};
  ASSERT_TRUE(volume.make({.serial = 1}, tree));
  EXPECT_EQ(volume.findings(), "");
  FileView view{volume.path()};
  auto opened = FatVolume::open(view).value();
  EXPECT_EQ(opened.list("/")->size(), 1501U);
  EXPECT_EQ(opened.list("/overlays")->size(), 1500U);
  EXPECT_EQ(opened.read_file("/OVERLAYS/overlay with a long name 1499.dtbo"),
            bytes_of("overlay with a long name 1499.dtbo"));
}

struct Refusal {
  const char* name;
  FatFormat format;
  std::uint64_t kib;
  Errc code;
};
class Refusals : public ::testing::TestWithParam<Refusal> {};
INSTANTIATE_TEST_SUITE_P(
    MakeFat, Refusals,
    ::testing::Values(
        Refusal{"fat32_on_32_mib", {.type = FatType::fat32}, 32768, errc::fat32_too_small},
        Refusal{"fat32_with_large_clusters",
                {.type = FatType::fat32, .cluster_size = 32768},
                524288,
                errc::fat32_too_small},
        Refusal{"cluster_no_power_of_two", {.cluster_size = 3000}, 32768, errc::cluster_size},
        Refusal{"cluster_below_sector", {.sector_size = 4096, .cluster_size = 512}, 32768, errc::cluster_size},
        Refusal{"cluster_too_large", {.cluster_size = 131072}, 32768, errc::cluster_size},
        Refusal{"sector_size", {.sector_size = 1000}, 32768, errc::cluster_size},
        Refusal{"fat16_clusters_too_small", {.type = FatType::fat16, .cluster_size = 512}, 65536, errc::cluster_size},
        Refusal{"content_does_not_fit", {}, 512, errc::partition_too_small},
        Refusal{"nothing_fits", {}, 8, errc::partition_too_small},
        Refusal{"label_too_long", {.label = "TWELVE CHARS"}, 32768, errc::volume_label},
        Refusal{"label_character", {.label = "A+B"}, 32768, errc::volume_label}),
    [](const auto& row) { return row.param.name; });

TEST_P(Refusals, have_their_code) {
  Volume volume{GetParam().kib * 1024};
  const auto made = volume.make(GetParam().format, sample_tree());
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, GetParam().code) << made.error().detail;
}

TEST(MakeFatVolume, refuses_what_fat_cannot_hold) {
  Volume volume{32_MiB};
  FileTree link;
  ASSERT_TRUE(link.add({.kind = EntryKind::link, .path = "l", .target = "t"}));
  EXPECT_EQ(volume.make({}, link).error().code, errc::tree_kind);
  FileTree name{NameCase::exact};
  ASSERT_TRUE(name.add({.path = "a:b", .source = bytes_of("")}));
  EXPECT_EQ(volume.make({}, name).error().code, errc::fat_bad_name);
  FileTree large;
  ASSERT_TRUE(large.add({.path = "large", .size = 4_GiB}));
  EXPECT_EQ(volume.make({}, large).error().code, errc::fat_file_too_large);
  FileTree changed = sample_tree();
  TreeEntry wrong{.path = "wrong", .source = bytes_of("abc"), .size = 3, .digest = Sha256{std::byte{1}}};
  ASSERT_TRUE(changed.add(wrong));
  EXPECT_EQ(volume.make({}, changed).error().code, errc::content_changed);
}

TEST(MakeFatVolume, needed_sectors_are_enough_and_hardly_more) {
  for (const auto& type : {std::optional<FatType>{}, std::optional{FatType::fat16}, std::optional{FatType::fat32}}) {
    for (const FileTree& tree : {sample_tree(), many_files(300, 3000), FileTree{}}) {
      const FatFormat format{.type = type, .label = "L"};
      const auto sectors = needed_fat_sectors(format, tree);
      ASSERT_TRUE(sectors) << sectors.error().detail;
      Volume volume{*sectors * 512};
      const auto made = volume.make(format, tree);
      ASSERT_TRUE(made) << made.error().detail;
      EXPECT_EQ(volume.findings(), "");
      Volume less{(*sectors - 1) * 512};
      EXPECT_FALSE(less.make(format, tree));
    }
  }
  FileTree large;
  ASSERT_TRUE(large.add({.path = "large", .size = 64_MiB}));
  EXPECT_EQ(needed_fat_sectors({.type = FatType::fat16, .cluster_size = 512}, large).error().code, errc::cluster_size);
  ASSERT_TRUE(large.add({.path = "larger", .size = 4_GiB}));
  EXPECT_EQ(needed_fat_sectors({}, large).error().code, errc::fat_file_too_large);
}

}  // namespace
}  // namespace flashline::imaging
