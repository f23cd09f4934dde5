// Volumes that somebody made wrong, by accident or on purpose: one field a row.

#include <gmock/gmock.h>

#include "imaging/core/errors/image.h"
#include "tests/imaging/filesystem/fat/fat_image.h"

namespace flashline::imaging {
namespace {

struct Patch {
  const char* name;
  std::size_t at;
  std::vector<unsigned> bytes;
};

std::ostream& operator<<(std::ostream& out, const Patch& row) { return out << row.name; }

void apply(FileView& view, std::uint64_t at, const std::vector<unsigned>& bytes) {
  std::vector<std::byte> raw;
  for (const unsigned byte : bytes) raw.push_back(static_cast<std::byte>(byte));
  ASSERT_TRUE(view.write(ByteOffset{at}, raw));
}

class BadBootSector : public ::testing::TestWithParam<Patch> {};
class BadWideBootSector : public ::testing::TestWithParam<Patch> {};

INSTANTIATE_TEST_SUITE_P(
    Fat, BadBootSector,
    ::testing::Values(Patch{"no_jump", 0, {0x00}}, Patch{"no_signature", 510, {0x00}},
                      Patch{"sector_size_zero", 11, {0, 0}}, Patch{"sector_size_odd", 11, {0x01, 0x02}},
                      Patch{"sector_size_256", 11, {0x00, 0x01}}, Patch{"sector_size_8192", 11, {0x00, 0x20}},
                      Patch{"cluster_zero", 13, {0}}, Patch{"cluster_three", 13, {3}},
                      Patch{"cluster_turns_fat16_into_fat12_too_small", 13, {1}}, Patch{"no_reserved", 14, {0, 0}},
                      Patch{"reserved_beyond_the_end", 14, {0xFF, 0xFF}}, Patch{"no_fats", 16, {0}},
                      Patch{"five_fats", 16, {5}}, Patch{"no_root_entries", 17, {0, 0}},
                      Patch{"root_entries_not_whole_sectors", 17, {7, 0}},
                      Patch{"larger_than_the_partition", 19, {0x01, 0x80}}, Patch{"no_sectors", 19, {0, 0}},
                      Patch{"media", 21, {0x12}}, Patch{"fat_too_small", 22, {1, 0}},
                      Patch{"fat_beyond_the_end", 22, {0xFF, 0xFF}}, Patch{"fat32_layout_by_accident", 22, {0, 0}}),
    [](const auto& row) { return row.param.name; });

TEST_P(BadBootSector, is_refused) {
  FatImage image{"-F 16 -s 4", 16384};
  FileView view{image.path()};
  ASSERT_TRUE(FatVolume::open(view));
  apply(view, GetParam().at, GetParam().bytes);
  const auto volume = FatVolume::open(view);
  ASSERT_FALSE(volume);
  EXPECT_EQ(volume.error().code, errc::fat_boot_sector) << volume.error().detail;
}

INSTANTIATE_TEST_SUITE_P(
    Fat, BadWideBootSector,
    ::testing::Values(Patch{"fat_size_zero", 36, {0, 0, 0, 0}}, Patch{"fat_size_huge", 36, {0xFF, 0xFF, 0xFF, 0xFF}},
                      Patch{"active_fat", 40, {0x83, 0}}, Patch{"version", 42, {1, 0}},
                      Patch{"root_cluster_zero", 44, {0, 0, 0, 0}}, Patch{"root_cluster_one", 44, {1, 0, 0, 0}},
                      Patch{"root_cluster_beyond", 44, {0xFF, 0xFF, 0xFF, 0x0F}},
                      Patch{"fs_info_beyond_reserved", 48, {0x00, 0x10}}, Patch{"root_entries", 17, {0x10, 0}},
                      Patch{"sectors_huge", 32, {0xFF, 0xFF, 0xFF, 0xFF}}),
    [](const auto& row) { return row.param.name; });

TEST_P(BadWideBootSector, is_refused) {
  FatImage image{"-F 32 -s 1", 65536};
  FileView view{image.path()};
  ASSERT_TRUE(FatVolume::open(view));
  apply(view, GetParam().at, GetParam().bytes);
  const auto volume = FatVolume::open(view);
  ASSERT_FALSE(volume);
  EXPECT_EQ(volume.error().code, errc::fat_boot_sector) << volume.error().detail;
}

TEST(FatDamage, partition_shorter_than_a_boot_sector) {
  FatImage image{"-F 12", 1440};
  std::filesystem::resize_file(image.path(), 511);
  FileView view{image.path()};
  EXPECT_EQ(FatVolume::open(view).error().code, errc::fat_boot_sector);
}

/// A FAT16 with one file of five clusters, 2..6 or so, and the places of its table and its folder entry.
class DamagedFile : public ::testing::Test {
 protected:
  void SetUp() override {
    auto volume = FatVolume::open(view).value();
    ASSERT_TRUE(volume.write_file("FILE.BIN", pattern(5 * 2048, 1), test_time));
    std::vector<std::byte> slot(32);
    ASSERT_TRUE(view.read(ByteOffset{root}, slot));
    head = std::to_integer<unsigned>(slot[26]) | std::to_integer<unsigned>(slot[27]) << 8U;
  }
  void link(unsigned cluster, unsigned to) { apply(view, 4 * 512 + cluster * 2ULL, {to & 0xFFU, to >> 8U}); }

  FatImage image{"-F 16 -s 4 -R 4 -f 1 -r 512", 16384};
  FileView view{image.path()};
  static constexpr std::uint64_t root = (4 + 32) * 512;
  unsigned head = 0;
};

TEST_F(DamagedFile, loop_is_detected) {
  link(head + 4, head);
  auto volume = FatVolume::open(view).value();
  EXPECT_EQ(volume.read_file("FILE.BIN").error().code, errc::fat_loop);
  const std::string before = image.bytes();
  EXPECT_EQ(volume.write_file("FILE.BIN", {}, test_time).error().code, errc::fat_loop);
  EXPECT_EQ(volume.remove("FILE.BIN").error().code, errc::fat_loop);
  EXPECT_TRUE(before == image.bytes());
  EXPECT_TRUE(volume.write_file("OTHER", pattern(100, 1), test_time)) << "the rest can be used";
}

TEST_F(DamagedFile, link_to_a_free_cluster) {
  link(head + 2, 0);
  EXPECT_EQ(FatVolume::open(view)->read_file("FILE.BIN").error().code, errc::fat_damaged);
}

TEST_F(DamagedFile, link_beyond_the_volume) {
  link(head + 2, 0xFFF0);
  EXPECT_EQ(FatVolume::open(view)->read_file("FILE.BIN").error().code, errc::fat_damaged);
}

TEST_F(DamagedFile, chain_shorter_than_the_size) {
  link(head + 2, 0xFFFF);
  EXPECT_EQ(FatVolume::open(view)->read_file("FILE.BIN").error().code, errc::fat_damaged);
}

TEST_F(DamagedFile, size_of_four_gibibytes) {
  apply(view, root + 28, {0xFF, 0xFF, 0xFF, 0xFF});
  EXPECT_EQ(FatVolume::open(view)->read_file("FILE.BIN").error().code, errc::fat_damaged);
}

TEST_F(DamagedFile, size_without_clusters) {
  apply(view, root + 26, {0, 0});
  EXPECT_EQ(FatVolume::open(view)->read_file("FILE.BIN").error().code, errc::fat_damaged);
}

TEST_F(DamagedFile, folder_that_loops) {
  apply(view, root + 11, {0x10});
  link(head + 4, head);
  EXPECT_EQ(FatVolume::open(view)->list("FILE.BIN").error().code, errc::fat_loop);
}

TEST_F(DamagedFile, folder_without_a_cluster) {
  apply(view, root + 11, {0x10});
  apply(view, root + 26, {0, 0});
  EXPECT_EQ(FatVolume::open(view)->list("FILE.BIN").error().code, errc::fat_damaged);
}

TEST_F(DamagedFile, dirty_mark_is_told_and_kept) {
  link(1, 0x7FFF);
  auto volume = FatVolume::open(view).value();
  EXPECT_TRUE(volume.facts().dirty);
  ASSERT_TRUE(volume.write_file("NEW", {}, test_time));
  EXPECT_TRUE(FatVolume::open(view)->facts().dirty);
}

TEST_F(DamagedFile, dirty_mark_of_the_boot_sector) {
  apply(view, 37, {1});
  EXPECT_TRUE(FatVolume::open(view)->facts().dirty);
}

TEST_F(DamagedFile, garbage_behind_the_end_of_a_folder_stays_hidden) {
  apply(view, root + 64, {'G', 'H', 'O', 'S', 'T', ' ', ' ', ' ', ' ', ' ', ' ', 0x20});
  auto volume = FatVolume::open(view).value();
  ASSERT_TRUE(volume.write_file("NEW", {}, test_time));
  EXPECT_EQ(volume.list("/")->size(), 2U);
  EXPECT_THAT(image.mtools("mdir -b -i " + image.path()).output, ::testing::Not(::testing::HasSubstr("GHOST")));
}

TEST_F(DamagedFile, long_name_of_another_file_is_ignored) {
  auto volume = FatVolume::open(view).value();
  ASSERT_TRUE(volume.write_file("a long name.txt", bytes_of("x"), test_time));
  apply(view, root + 32 + 13, {0x00});  // the checksum of one entry
  EXPECT_EQ(FatVolume::open(view)->list("/")->at(1).name, "ALONGN~1.TXT");
}

TEST(FatDamage, wrong_fs_info_is_not_believed) {
  FatImage image{"-F 32 -s 1", 65536};
  FileView view{image.path()};
  apply(view, 512 + 488, {0xF0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F});
  auto volume = FatVolume::open(view).value();
  EXPECT_EQ(volume.free_space()->value, (volume.facts().clusters - 1) * 512ULL);
  ASSERT_TRUE(volume.write_file("X", pattern(1000, 1), test_time));
  EXPECT_EQ(image.findings(), "");
}

TEST(FatDamage, fs_info_without_signature_is_left_alone) {
  FatImage image{"-F 32 -s 1", 65536};
  FileView view{image.path()};
  apply(view, 512, {0, 0, 0, 0});
  auto volume = FatVolume::open(view).value();
  std::vector<std::byte> before(512), after(512);
  ASSERT_TRUE(view.read(ByteOffset{512}, before));
  ASSERT_TRUE(volume.write_file("X", pattern(1000, 1), test_time));
  ASSERT_TRUE(view.read(ByteOffset{512}, after));
  EXPECT_EQ(before, after);
}

TEST(FatDamage, fat32_without_mirroring_keeps_only_the_active_copy) {
  FatImage image{"-F 32 -s 1", 65536};
  FileView view{image.path()};
  apply(view, 40, {0x81, 0});
  const std::string before = image.bytes();
  ASSERT_TRUE(FatVolume::open(view)->write_file("X", pattern(1000, 1), test_time));
  const std::string after = image.bytes();
  const std::size_t table = 32 * 512;
  const std::size_t length = 512 * (static_cast<unsigned char>(before[36]) |
                                    static_cast<std::size_t>(static_cast<unsigned char>(before[37])) << 8U);
  EXPECT_TRUE(before.substr(table, length) == after.substr(table, length));
  EXPECT_FALSE(before.substr(table + length, length) == after.substr(table + length, length));
}

}  // namespace
}  // namespace flashline::imaging
