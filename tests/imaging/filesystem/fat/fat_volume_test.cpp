// Volumes of every kind that mkfs.fat makes, edited by us, judged by fsck.fat and mtools.

#include "imaging/filesystem/fat/fat_volume.h"

#include <algorithm>
#include <fstream>
#include <gmock/gmock.h>
#include <vector>

#include "imaging/core/errors/image.h"
#include "tests/imaging/filesystem/fat/fat_image.h"

namespace flashline::imaging {
namespace {

struct Kind {
  const char* name;
  const char* options;
  std::uint64_t kib;
  FatType type;
  std::uint32_t sector_size;
  std::uint32_t cluster_size;
  bool mtools = true;  ///< mtools go by the number of clusters, unlike Linux and fsck.fat
};

std::ostream& operator<<(std::ostream& out, const Kind& kind) { return out << kind.name; }

const std::vector<Kind> kinds{
    Kind{"floppy", "-F 12", 1440, FatType::fat12, 512, 512},
    Kind{"fat12_small", "-F 12 -s 1 -r 112", 300, FatType::fat12, 512, 512},
    Kind{"fat12_one_table", "-F 12 -s 4 -f 1", 4096, FatType::fat12, 512, 2048},
    Kind{"fat12_4k_sectors", "-F 12 -S 4096 -s 1", 8192, FatType::fat12, 4096, 4096},
    Kind{"fat16", "-F 16 -s 4", 32768, FatType::fat16, 512, 2048},
    Kind{"fat16_one_sector_clusters", "-F 16 -s 1", 8192, FatType::fat16, 512, 512},
    Kind{"fat16_large_clusters", "-F 16 -s 64", 262144, FatType::fat16, 512, 32768},
    Kind{"fat16_4k_sectors", "-F 16 -S 4096 -s 1", 65536, FatType::fat16, 4096, 4096},
    Kind{"fat32", "-F 32 -s 1", 65536, FatType::fat32, 512, 512},
    Kind{"fat32_4k_clusters", "-F 32 -s 8", 524288, FatType::fat32, 512, 4096},
    Kind{"fat32_too_few_clusters", "-F 32 -s 1", 16384, FatType::fat32, 512, 512, false},
    Kind{"fat32_4k_sectors", "-F 32 -S 4096 -s 1", 524288, FatType::fat32, 4096, 4096},
    Kind{"fat32_64k_clusters", "-F 32 -s 128", 8388608, FatType::fat32, 512, 65536},
    Kind{"fat32_1k_sectors", "-F 32 -S 1024 -s 2 -f 1 -R 8", 262144, FatType::fat32, 1024, 2048}};

/// Those that a test can fill up quickly, and those that every program reads the same way.
std::vector<Kind> chosen(bool (*wanted)(const Kind&)) {
  std::vector<Kind> out;
  std::ranges::copy_if(kinds, std::back_inserter(out), wanted);
  return out;
}

class EveryKind : public ::testing::TestWithParam<Kind> {
 protected:
  FatImage image{std::string{GetParam().options} + " -n 'MY DISK' -i 1234abcd", GetParam().kib};
  FileView view{image.path()};
  /// What a program that is not ours finds in the file.
  std::string shown(const std::string& name) {
    if (GetParam().mtools) return image.mtype(name);
    return as_text(FatVolume::open(view)->read_file(name).value());
  }
};

class SmallKind : public EveryKind {};
class MtoolsKind : public EveryKind {};

const auto row_name = [](const auto& row) { return row.param.name; };
INSTANTIATE_TEST_SUITE_P(Fat, EveryKind, ::testing::ValuesIn(kinds), row_name);
INSTANTIATE_TEST_SUITE_P(Fat, SmallKind,
                         ::testing::ValuesIn(chosen([](const Kind& kind) { return kind.kib <= 65536; })), row_name);
INSTANTIATE_TEST_SUITE_P(Fat, MtoolsKind, ::testing::ValuesIn(chosen([](const Kind& kind) { return kind.mtools; })),
                         row_name);

TEST_P(EveryKind, says_what_it_is) {
  auto volume = FatVolume::open(view);
  ASSERT_TRUE(volume) << volume.error().detail;
  EXPECT_EQ(volume->facts().type, GetParam().type);
  EXPECT_EQ(volume->facts().sector_size, GetParam().sector_size);
  EXPECT_EQ(volume->facts().cluster_size, GetParam().cluster_size);
  EXPECT_EQ(volume->facts().serial, 0x1234ABCDU);
  EXPECT_FALSE(volume->facts().dirty);
  EXPECT_EQ(volume->label().value(), "MY DISK");
  EXPECT_TRUE(volume->list("/")->empty());
}

TEST_P(EveryKind, edits_pass_fsck_and_mtools) {
  auto volume = FatVolume::open(view).value();
  const auto big = pattern(GetParam().cluster_size * 5ULL + 77, 1);
  ASSERT_TRUE(volume.write_file("/README.TXT", bytes_of("exact 8.3\n"), test_time));
  ASSERT_TRUE(volume.write_file("/flashline/identity.env", bytes_of("SERIAL=1\n"), test_time));
  ASSERT_TRUE(volume.write_file("/flashline/A rather long name, with spaces.bin", big, test_time));
  ASSERT_TRUE(volume.write_file("/empty", {}, test_time));
  ASSERT_TRUE(volume.make_folder("/a/b/c", test_time));
  EXPECT_EQ(image.findings(), "");
  EXPECT_EQ(shown("README.TXT"), "exact 8.3\n");
  EXPECT_EQ(shown("flashline/identity.env"), "SERIAL=1\n");
  EXPECT_TRUE(shown("flashline/A rather long name, with spaces.bin") == as_text(big));

  ASSERT_TRUE(volume.write_file("/flashline/IDENTITY.ENV", big, test_time));
  ASSERT_TRUE(volume.write_file("/flashline/A rather long name, with spaces.bin", bytes_of("short"), test_time));
  ASSERT_TRUE(volume.remove("/readme.txt"));
  ASSERT_TRUE(volume.remove("/a/b/c"));
  EXPECT_EQ(image.findings(), "");
  EXPECT_TRUE(shown("flashline/identity.env") == as_text(big));
  EXPECT_EQ(volume.read_file("flashline/a RATHER long name, with spaces.BIN"), bytes_of("short"));
  EXPECT_EQ(volume.read_file("README.TXT").error().code, errc::fat_not_found);
}

TEST_P(MtoolsKind, reads_what_mtools_wrote) {
  const std::string from = (image.folder() / "from").string();
  std::ofstream{from, std::ios::binary} << as_text(pattern(100'000, 3));
  ASSERT_EQ(image.mtools("mmd -i " + image.path() + " ::/Dir ::/Dir/Übung").code, 0);
  ASSERT_EQ(image.mtools("mcopy -i " + image.path() + " " + from + " '::/Dir/Übung/lower case.txt'").code, 0);
  ASSERT_EQ(image.mtools("mcopy -i " + image.path() + " " + from + " ::/UPPER.BIN").code, 0);
  auto volume = FatVolume::open(view).value();
  EXPECT_TRUE(volume.read_file("/dir/übung/Lower Case.txt").value() == pattern(100'000, 3));
  EXPECT_TRUE(volume.read_file("/upper.bin").value() == pattern(100'000, 3));
  EXPECT_EQ(volume.list("/Dir")->at(0).name, "Übung");
}

TEST_P(SmallKind, filling_it_up_fails_whole_and_frees_again) {
  auto volume = FatVolume::open(view).value();
  const std::uint64_t before = volume.free_space()->value;
  const std::uint64_t chunk = std::max<std::uint64_t>(before / 5, 1);
  std::size_t made = 0;
  while (volume.write_file("f" + std::to_string(made), pattern(chunk, 9), test_time)) ++made;
  EXPECT_GE(made, 4U);
  const std::string full = image.bytes();
  const auto failed = volume.write_file("new folder/one more", pattern(chunk, 9), test_time);
  EXPECT_EQ(failed.error().code, errc::fat_full);
  EXPECT_TRUE(full == image.bytes()) << "a failed edit changed the volume";
  EXPECT_EQ(image.findings(), "");
  for (std::size_t i = 0; i < made; ++i) ASSERT_TRUE(volume.remove("f" + std::to_string(i)));
  EXPECT_EQ(image.findings(), "");
  if (GetParam().type != FatType::fat32) EXPECT_EQ(volume.free_space()->value, before);
}

TEST_P(EveryKind, free_space_survives_reopening) {
  auto volume = FatVolume::open(view).value();
  const std::uint64_t before = volume.free_space()->value;
  ASSERT_TRUE(volume.write_file("X", pattern(GetParam().cluster_size + 1ULL, 2), test_time));
  EXPECT_EQ(volume.free_space()->value, before - 2ULL * GetParam().cluster_size);
  EXPECT_EQ(FatVolume::open(view)->free_space()->value, before - 2ULL * GetParam().cluster_size);
  EXPECT_EQ(image.findings(), "") << "FSInfo's count and both tables";
}

TEST(FatVolume, volumes_of_mformat) {
  const fakes::TempFolder folder;
  for (const char* options : {"-f 1440", "-t 40 -h 64 -s 32", "-F -t 80 -h 64 -s 32 -c 1"}) {
    const std::string path = (folder / "mformat.img").string();
    std::filesystem::remove(path);
    ASSERT_EQ(run_tool("mformat -C -v MTOOLS -i " + path + " " + options + " ::").code, 0) << options;
    FileView view{path};
    auto volume = FatVolume::open(view);
    ASSERT_TRUE(volume) << options << ": " << volume.error().detail;
    EXPECT_EQ(volume->label().value(), "MTOOLS");
    ASSERT_TRUE(volume->write_file("a folder/a file", pattern(10'000, 4), test_time));
    EXPECT_EQ(run_tool("fsck.fat -n " + path).code, 0) << options;
  }
}

TEST(FatVolume, fixed_root_fills_up) {
  FatImage image{"-F 12 -r 112", 1440};
  FileView view{image.path()};
  auto volume = FatVolume::open(view).value();
  for (int i = 0; i < 112; ++i) ASSERT_TRUE(volume.write_file("F" + std::to_string(i), {}, test_time));
  EXPECT_EQ(volume.write_file("F112", {}, test_time).error().code, errc::fat_folder_full);
  ASSERT_TRUE(volume.remove("F50"));
  EXPECT_EQ(volume.write_file("needs a long name", {}, test_time).error().code, errc::fat_folder_full);
  EXPECT_TRUE(volume.write_file("F112", {}, test_time)) << "the place of the removed one";
  EXPECT_EQ(image.findings(), "");
}

TEST(FatVolume, fat32_root_and_folders_grow) {
  FatImage image{"-F 32 -s 1", 40000};
  FileView view{image.path()};
  auto volume = FatVolume::open(view).value();
  const auto name = [](int i) { return "a long name for the file with number " + std::to_string(i) + ".data"; };
  for (int i = 0; i < 60; ++i) {
    ASSERT_TRUE(volume.write_file(name(i), bytes_of(std::to_string(i)), test_time));
    ASSERT_TRUE(volume.write_file("folder/" + name(i), bytes_of(std::to_string(i)), test_time));
  }
  EXPECT_EQ(image.findings(), "");
  EXPECT_EQ(volume.list("/")->size(), 61U);
  EXPECT_EQ(volume.list("/folder")->size(), 60U);
  EXPECT_EQ(image.mtype("folder/" + name(59)), "59");
}

TEST(FatVolume, aliases_are_unique_and_found) {
  FatImage image{"-F 16", 16384};
  FileView view{image.path()};
  auto volume = FatVolume::open(view).value();
  for (int i = 0; i < 12; ++i) {
    ASSERT_TRUE(
        volume.write_file("configuration-" + std::to_string(i) + ".json", bytes_of(std::to_string(i)), test_time));
  }
  EXPECT_EQ(image.findings(), "");
  EXPECT_EQ(volume.read_file("CONFIG~1.JSO"), bytes_of("0"));
  EXPECT_EQ(volume.read_file("CONFI~10.JSO"), bytes_of("9"));
  EXPECT_EQ(image.mtype("CONFI~12.JSO"), "11");
}

TEST(FatVolume, names_in_other_scripts) {
  FatImage image{"-F 16", 16384};
  FileView view{image.path()};
  auto volume = FatVolume::open(view).value();
  for (const char* name : {"Größe.txt", "ファイル.txt", "Файл", ".hidden", "a.b.c.d", "trailing ~1"}) {
    ASSERT_TRUE(volume.write_file(name, bytes_of(name), test_time)) << name;
    EXPECT_EQ(image.mtype(name), name);
  }
  EXPECT_EQ(image.findings(), "");
  ASSERT_TRUE(volume.write_file("😀", bytes_of("surrogates"), test_time));  // mtools cannot
  EXPECT_EQ(image.findings(), "");
  EXPECT_EQ(volume.read_file("😀"), bytes_of("surrogates"));
  EXPECT_EQ(volume.read_file("ФАЙЛ"), bytes_of("Файл"));
  EXPECT_EQ(volume.list("")->size(), 7U);
}

TEST(FatVolume, times_are_the_callers) {
  FatImage image{"-F 16", 16384};
  FileView view{image.path()};
  auto volume = FatVolume::open(view).value();
  ASSERT_TRUE(volume.write_file("T", {}, test_time));
  EXPECT_EQ(volume.list("/")->at(0).modified, test_time);
  EXPECT_THAT(image.mtools("mdir -i " + image.path() + " ::/T").output, ::testing::HasSubstr("2026-03-14  15:09"));
  ASSERT_TRUE(volume.write_file("T", {}, std::chrono::sys_seconds{}));
  EXPECT_THAT(image.mtools("mdir -i " + image.path() + " ::/T").output, ::testing::HasSubstr("1980-01-01"));
}

TEST(FatVolume, misuse_is_refused_and_changes_nothing) {
  FatImage image{"-F 16", 16384};
  FileView view{image.path()};
  auto volume = FatVolume::open(view).value();
  ASSERT_TRUE(volume.write_file("dir/file", bytes_of("x"), test_time));
  const std::string before = image.bytes();
  EXPECT_EQ(volume.write_file("dir", {}, test_time).error().code, errc::fat_is_folder);
  EXPECT_EQ(volume.write_file("/", {}, test_time).error().code, errc::fat_is_folder);
  EXPECT_EQ(volume.write_file("dir/file/below", {}, test_time).error().code, errc::fat_not_folder);
  EXPECT_EQ(volume.make_folder("dir/file", test_time).error().code, errc::fat_not_folder);
  EXPECT_EQ(volume.remove("dir").error().code, errc::fat_folder_not_empty);
  EXPECT_EQ(volume.remove("nothing").error().code, errc::fat_not_found);
  EXPECT_EQ(volume.read_file("dir").error().code, errc::fat_is_folder);
  EXPECT_EQ(volume.list("nowhere").error().code, errc::fat_not_found);
  for (const char* name : {"a:b", "..", ".", "dot.", "space ", "a\tb", "\xFF\xFE", "new/../x"}) {
    EXPECT_EQ(volume.write_file(name, {}, test_time).error().code, errc::fat_bad_name) << name;
  }
  EXPECT_EQ(volume.write_file(std::string(256, 'n'), {}, test_time).error().code, errc::fat_bad_name);
  EXPECT_TRUE(volume.make_folder("/DIR", test_time)) << "there already";
  EXPECT_TRUE(before == image.bytes());
}

TEST(FatVolume, longest_name_and_replacing_keeps_attributes) {
  FatImage image{"-F 16", 16384};
  FileView view{image.path()};
  auto volume = FatVolume::open(view).value();
  const std::string name(255, 'n');
  ASSERT_TRUE(volume.write_file(name, bytes_of("1"), test_time));
  ASSERT_EQ(image.mtools("mattrib -i " + image.path() + " +h ::" + name).code, 0);
  ASSERT_TRUE(volume.write_file(name, bytes_of("2"), test_time));
  EXPECT_THAT(image.mtools("mattrib -i " + image.path() + " ::" + name).output, ::testing::HasSubstr(" H"));
  EXPECT_EQ(image.mtype(name), "2");
  EXPECT_EQ(image.findings(), "");
}

}  // namespace
}  // namespace flashline::imaging
