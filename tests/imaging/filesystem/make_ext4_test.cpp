// ext4 volumes made by us; judged by e2fsck and read by debugfs.

#include "imaging/filesystem/make_ext4.h"

#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <iterator>
#include <sys/stat.h>
#include <unistd.h>

#include "imaging/core/errors/filesystem.h"
#include "imaging/core/errors/image.h"
#include "tests/fakes/file_view.h"
#include "tests/fakes/temp_folder.h"
#include "tests/fakes/tool.h"
#include "tests/imaging/filesystem/tree_builder.h"

namespace flashline::imaging {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class Ext4 {
 public:
  explicit Ext4(std::uint64_t bytes) : path_{folder_.sparse("ext4.img", bytes)} {}
  Status make(const FileTree& tree, const Ext4Format& format = {.label = "root", .seed = "QemuX64 root 1.0.0.0"},
              std::chrono::sys_seconds time = build_time) {
    FileView view{path_};
    return make_ext4(view, format, tree, time);
  }
  std::string findings() const {
    const ToolRun run = run_tool("e2fsck -fn " + path_.string());
    return run.code == 0 ? "" : run.output;
  }
  std::string debugfs(const std::string& request) const {
    return run_tool("env TZ=UTC debugfs -R '" + request + "' " + path_.string()).output;
  }
  std::string dump(const std::string& path) const {
    const std::string out = (folder_ / "out").string();
    debugfs("dump \"/" + path + "\" " + out);
    std::ifstream in{out, std::ios::binary};
    return {std::istreambuf_iterator<char>{in}, {}};
  }
  const fs::path& path() const { return path_; }
  const fakes::TempFolder& folder() const { return folder_; }

 private:
  fakes::TempFolder folder_;
  fs::path path_;
};

std::string as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

struct Size {
  const char* name;
  std::uint64_t mib;
  std::uint32_t block_size;
};
std::ostream& operator<<(std::ostream& out, const Size& size) { return out << size.name; }
class MakeExt4 : public ::testing::TestWithParam<Size> {};
INSTANTIATE_TEST_SUITE_P(Sizes, MakeExt4,
                         ::testing::Values(Size{"four_mib", 4, 1024}, Size{"without_journal", 7, 4096},
                                           Size{"usual", 64, 0}, Size{"two_kib_blocks", 600, 2048},
                                           Size{"many_groups", 9000, 4096}),
                         [](const auto& row) { return row.param.name; });

TEST_P(MakeExt4, passes_e2fsck_and_holds_the_tree) {
  Ext4 volume{GetParam().mib << 20U};
  const FileTree tree = sample_tree();
  const auto made = volume.make(tree, {.block_size = GetParam().block_size, .label = "root", .seed = "s"});
  ASSERT_TRUE(made) << made.error().detail;
  EXPECT_EQ(volume.findings(), "");
  for (const auto& [key, entry] : tree.entries()) {
    SCOPED_TRACE(entry.path);
    if (entry.kind == EntryKind::file)
      EXPECT_TRUE(volume.dump(entry.path) == as_text(std::get<std::vector<std::byte>>(entry.source)));
    if (entry.kind == EntryKind::folder)
      EXPECT_THAT(volume.debugfs("stat \"/" + entry.path + "\""), HasSubstr("Type: directory"));
  }
  EXPECT_THAT(volume.debugfs("ls /"), HasSubstr("lost+found"));
}

TEST(MakeExt4Volume, says_who_it_is) {
  Ext4 volume{64 << 20U};
  ASSERT_TRUE(volume.make(sample_tree()));
  const std::string facts = run_tool("env TZ=UTC dumpe2fs -h " + volume.path().string()).output;
  EXPECT_THAT(facts, HasSubstr("Filesystem volume name:   root\n"));
  EXPECT_THAT(facts, HasSubstr("Filesystem created:       Sat Mar 14 15:09:00 2026"));
  EXPECT_THAT(facts, HasSubstr("Last write time:          Sat Mar 14 15:09:00 2026"));
  EXPECT_THAT(facts, HasSubstr("Last checked:             Sat Mar 14 15:09:00 2026"));
  EXPECT_THAT(facts, HasSubstr("has_journal ext_attr resize_inode dir_index filetype extent 64bit flex_bg sparse_super "
                               "large_file huge_file dir_nlink extra_isize metadata_csum\n"));
  EXPECT_THAT(facts, HasSubstr("Filesystem state:         clean"));
}

TEST(MakeExt4Volume, permissions_links_and_owners) {
  Ext4 volume{32 << 20U};
  FileTree tree{NameCase::exact};
  const std::string far(200, 'x');
  ASSERT_TRUE(tree.add(package_file("\\bin\\program", bytes_of("\x7F"
                                                               "ELF..."))));
  ASSERT_TRUE(tree.add(package_file("\\bin\\script", bytes_of("#!/bin/sh\n"))));
  ASSERT_TRUE(tree.add(package_file("\\etc\\text", bytes_of("text"))));
  ASSERT_TRUE(tree.add(
      {.path = "etc/Text", .source = bytes_of(""), .unix_facts = UnixFacts{.mode = 04750, .uid = 70000, .gid = 8}}));
  ASSERT_TRUE(tree.add({.kind = EntryKind::link, .path = "near", .target = "etc/text"}));
  ASSERT_TRUE(tree.add({.kind = EntryKind::link, .path = "sixty", .target = std::string(60, 'y')}));
  ASSERT_TRUE(tree.add({.kind = EntryKind::link, .path = "far", .target = far}));
  const auto made = volume.make(tree);
  ASSERT_TRUE(made) << made.error().detail;
  EXPECT_EQ(volume.findings(), "");
  EXPECT_THAT(volume.debugfs("stat /bin/program"), HasSubstr("Mode:  0755"));
  EXPECT_THAT(volume.debugfs("stat /bin/script"), HasSubstr("Mode:  0755"));
  EXPECT_THAT(volume.debugfs("stat /etc/text"), HasSubstr("Mode:  0644"));
  EXPECT_THAT(volume.debugfs("stat /etc/Text"), HasSubstr("Mode:  04750"));
  EXPECT_THAT(volume.debugfs("stat /etc/Text"), HasSubstr("User: 70000   Group:     8"));
  EXPECT_THAT(volume.debugfs("stat /near"), HasSubstr("Fast link dest: \"etc/text\""));
  EXPECT_THAT(volume.debugfs("stat /sixty"), HasSubstr("Type: symlink"));
  EXPECT_THAT(volume.debugfs("cat /far"), HasSubstr(far));
  for (const char* stamp : {"ctime", "atime", "mtime", "crtime"}) {
    EXPECT_THAT(volume.debugfs("stat /near"),
                HasSubstr(std::string{stamp} + ": 0x69b57a0c:00000000 -- Sat Mar 14 15:09:00 2026"));
  }
}

TEST(MakeExt4Volume, the_same_input_gives_the_same_bytes_on_another_day) {
  Ext4 one{160 << 20U};
  Ext4 two{160 << 20U};
  ASSERT_TRUE(one.make(sample_tree()));
  ::usleep(1'100'000);
  ASSERT_TRUE(two.make(sample_tree()));
  EXPECT_EQ(run_tool("cmp " + one.path().string() + " " + two.path().string()).code, 0);
  struct stat facts{};
  ASSERT_EQ(::stat(one.path().c_str(), &facts), 0);
  EXPECT_LT(facts.st_blocks * 512, 2 << 20) << "tables that are zeros stay holes";
  Ext4 other{160 << 20U};
  ASSERT_TRUE(other.make(sample_tree(), {.label = "root", .seed = "another"}));
  EXPECT_NE(run_tool("dumpe2fs -h " + one.path().string() + " | grep UUID").output,
            run_tool("dumpe2fs -h " + other.path().string() + " | grep UUID").output);
}

TEST(MakeExt4Volume, times_at_the_ends) {
  for (const std::int64_t seconds : {std::int64_t{0}, std::int64_t{3'000'000'000}}) {
    Ext4 volume{16 << 20U};
    ASSERT_TRUE(volume.make(sample_tree(), {.label = "t", .seed = "t"},
                            std::chrono::sys_seconds{std::chrono::seconds{seconds}}));
    EXPECT_EQ(volume.findings(), "");
    EXPECT_THAT(volume.debugfs("stat /README.TXT"),
                HasSubstr(seconds == 0 ? "Thu Jan  1 00:00:01 1970" : "Sat Jan 24 05:20:00 2065"));
  }
}

TEST(MakeExt4Volume, a_file_in_many_pieces_and_a_large_folder) {
  Ext4 volume{220 << 20U};
  FileTree tree = many_files(3000, 1, NameCase::exact);
  const auto host = volume.folder().sparse("host", 170 << 20U);
  std::fstream{host, std::ios::in | std::ios::out | std::ios::binary}.seekp(160 << 20U).write("end", 3);
  ASSERT_TRUE(tree.add({.path = "large", .source = host, .size = fs::file_size(host)}));
  const auto made = volume.make(tree, {.block_size = 1024, .label = "l", .seed = "l"});
  ASSERT_TRUE(made) << made.error().detail;
  EXPECT_EQ(volume.findings(), "");
  EXPECT_THAT(volume.debugfs("ex /large"), HasSubstr("1/ 1   5/")) << "more extents than an inode holds";
  EXPECT_EQ(run_tool("debugfs -R 'dump /large " + (volume.folder() / "back").string() + "' " + volume.path().string() +
                     " 2>/dev/null; cmp " + (volume.folder() / "back").string() + " " + host.string())
                .code,
            0);
}

TEST(MakeExt4Volume, a_tree_with_its_own_lost_and_found) {
  Ext4 volume{16 << 20U};
  FileTree tree;
  ASSERT_TRUE(tree.add(PackageDirectory{.device_path = "\\lost+found"}));
  ASSERT_TRUE(volume.make(tree));
  EXPECT_EQ(volume.findings(), "");
}

TEST(MakeExt4Volume, needed_sectors_are_enough_and_not_many_more) {
  std::vector<FileTree> trees;
  trees.emplace_back();
  trees.push_back(sample_tree(NameCase::exact));
  trees.push_back(many_files(1500, 3000, NameCase::exact));
  const fakes::TempFolder folder;
  FileTree large{NameCase::exact};
  const auto host = folder.sparse("host", 300 << 20U);
  for (const char* name : {"a", "b", "c"}) ASSERT_TRUE(large.add({.path = name, .source = host, .size = 300 << 20U}));
  trees.push_back(std::move(large));
  for (const FileTree& tree : trees) {
    for (const std::uint32_t block_size : {1024U, 4096U}) {
      const Ext4Format format{.block_size = block_size, .label = "n", .seed = "n"};
      const auto sectors = needed_ext4_sectors(format, tree, 512);
      ASSERT_TRUE(sectors);
      Ext4 volume{*sectors * 512};
      const auto made = volume.make(tree, format);
      ASSERT_TRUE(made) << made.error().detail << " in " << *sectors;
      EXPECT_EQ(volume.findings(), "");
      EXPECT_LT(*sectors * 512, tree.content_size() * 11 / 10 + (48 << 20U));
    }
  }
}

struct BadExt4 {
  const char* name;
  Ext4Format format;
  std::uint64_t kib;
  Errc code;
};
std::ostream& operator<<(std::ostream& out, const BadExt4& row) { return out << row.name; }
class Ext4Refusals : public ::testing::TestWithParam<BadExt4> {};
INSTANTIATE_TEST_SUITE_P(
    MakeExt4, Ext4Refusals,
    ::testing::Values(BadExt4{"block_size", {.block_size = 8192}, 65536, errc::cluster_size},
                      BadExt4{"block_size_odd", {.block_size = 3000}, 65536, errc::cluster_size},
                      BadExt4{"label", {.label = "seventeen letters"}, 65536, errc::volume_label},
                      BadExt4{"nothing_fits", {}, 32, errc::partition_too_small},
                      BadExt4{"content_does_not_fit", {.block_size = 1024}, 500, errc::partition_too_small}),
    [](const auto& row) { return row.param.name; });

TEST_P(Ext4Refusals, have_their_code) {
  Ext4 volume{GetParam().kib * 1024};
  const auto made = volume.make(sample_tree(), GetParam().format);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, GetParam().code) << made.error().detail;
}

TEST(MakeExt4Volume, bad_contents_and_names_are_refused) {
  Ext4 volume{16 << 20U};
  FileTree changed = sample_tree();
  ASSERT_TRUE(changed.add({.path = "wrong", .source = bytes_of("abc"), .size = 3, .digest = Sha256{std::byte{1}}}));
  EXPECT_EQ(volume.make(changed).error().code, errc::content_changed);
  Ext4 fresh{16 << 20U};
  FileTree longer{NameCase::exact};
  ASSERT_TRUE(longer.add({.path = std::string(256, 'n'), .source = bytes_of("")}));
  EXPECT_EQ(fresh.make(longer).error().code, errc::tree_name);
}

/// Fails at the n-th access.
class FailingDisk final : public WritableBlockView {
 public:
  FailingDisk(std::size_t size, int accesses) : disk_{size}, left_{accesses} {}
  ByteCount size() const override { return disk_.size(); }
  Status read(ByteOffset at, std::span<std::byte> out) override {
    return left_-- > 0 ? disk_.read(at, out) : Status{fail(errc::image_read, "the disk in a test")};
  }
  Status write(ByteOffset at, std::span<const std::byte> bytes) override {
    return left_-- > 0 ? disk_.write(at, bytes) : Status{fail(errc::image_write, "the disk in a test")};
  }
  int left() const { return left_; }

 private:
  MemoryDisk disk_;
  int left_;
};

TEST(MakeExt4Volume, a_failing_disk_is_reported_as_such_wherever_it_fails) {
  FailingDisk whole{8 << 20U, 1'000'000};
  ASSERT_TRUE(make_ext4(whole, {.label = "f", .seed = "f"}, sample_tree(), build_time));
  const int accesses = 1'000'000 - whole.left();
  ASSERT_GT(accesses, 20);
  for (int n = 0; n < accesses; ++n) {
    FailingDisk disk{8 << 20U, n};
    const auto made = make_ext4(disk, {.label = "f", .seed = "f"}, sample_tree(), build_time);
    ASSERT_FALSE(made) << "access " << n;
    EXPECT_THAT(made.error().detail, HasSubstr("the disk in a test"));
  }
}

}  // namespace
}  // namespace flashline::imaging
