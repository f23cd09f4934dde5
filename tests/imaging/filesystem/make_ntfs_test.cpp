// NTFS volumes made by mkntfs and wimlib on our behalf; judged by the ntfsprogs.

#include "imaging/filesystem/make_ntfs.h"

#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <iterator>
#include <sys/stat.h>
#include <unistd.h>

#include "imaging/core/errors/filesystem.h"
#include "imaging/core/errors/image.h"
#include "imaging/filesystem/wim_file.h"
#include "tests/fakes/file_view.h"
#include "tests/fakes/temp_folder.h"
#include "tests/fakes/tool.h"
#include "tests/imaging/filesystem/tree_builder.h"

namespace flashline::imaging {
namespace {

namespace fs = std::filesystem;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

class Ntfs {
 public:
  explicit Ntfs(std::uint64_t bytes) : path_{folder_.sparse("ntfs.img", bytes)} {
    fs::create_directory(folder_ / "scratch");
  }
  NtfsFormat format(std::uint32_t cluster = 0) const {
    return {.cluster_size = cluster,
            .first_sector = 81920,
            .label = "MainOS",
            .serial = 0x0123456789ABCDEF,
            .scratch = folder_ / "scratch"};
  }
  Status make(const FileTree& tree, const NtfsFormat& format) {
    FileView view{path_};
    auto made = make_ntfs(view, format, tree, build_time);
    EXPECT_TRUE(fs::is_empty(folder_ / "scratch")) << "something was left behind";
    return made;
  }
  std::string tool(const std::string& command) const { return run_tool("env TZ=UTC " + command).output; }
  std::string info(const std::string& path) const { return tool("ntfsinfo -F '" + path + "' " + path_.string()); }
  std::string findings() const {
    const ToolRun run = run_tool("ntfsfix -n " + path_.string());
    return run.code == 0 ? "" : run.output;
  }
  const fs::path& path() const { return path_; }
  const fakes::TempFolder& folder() const { return folder_; }

 private:
  fakes::TempFolder folder_;
  fs::path path_;
};

std::string content(const fs::path& path) {
  std::ifstream in{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}

std::string as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

class MakeNtfs : public ::testing::TestWithParam<std::uint32_t> {};
INSTANTIATE_TEST_SUITE_P(Clusters, MakeNtfs, ::testing::Values(512U, 4096U, 16384U, 65536U),
                         [](const auto& row) { return std::to_string(row.param); });

TEST_P(MakeNtfs, passes_ntfsfix_and_holds_the_tree) {
  Ntfs volume{64 << 20U};
  const FileTree tree = sample_tree();
  const auto made = volume.make(tree, volume.format(GetParam()));
  ASSERT_TRUE(made) << made.error().detail;
  EXPECT_EQ(volume.findings(), "");
  const std::string facts = volume.tool("ntfsinfo -m " + volume.path().string());
  EXPECT_THAT(facts, HasSubstr("Cluster Size: " + std::to_string(GetParam())));
  EXPECT_THAT(facts, HasSubstr("Volume Name: MainOS"));
  EXPECT_THAT(facts, HasSubstr("Volume Flags: 0x0000"));
  for (const auto& [key, entry] : tree.entries()) {
    SCOPED_TRACE(entry.path);
    if (entry.kind == EntryKind::folder) {
      EXPECT_EQ(run_tool("ntfsls -p '/" + entry.path + "' " + volume.path().string()).code, 0);
      continue;
    }
    const std::string out = (volume.folder() / "out").string();
    EXPECT_EQ(run_tool("sh -c \"ntfscat " + volume.path().string() + " '" + entry.path + "' > " + out + "\"").code, 0);
    EXPECT_TRUE(content(out) == as_text(std::get<std::vector<std::byte>>(entry.source)));
  }
}

TEST(MakeNtfsVolume, stamps_attributes_owners_and_serial) {
  Ntfs volume{32 << 20U};
  ASSERT_TRUE(volume.make(sample_tree(), volume.format()));
  for (const char* path : {"/Windows/Übung/klein.txt", "/Windows/Übung", "/$Volume", "/"}) {
    const std::string facts = volume.info(path);
    EXPECT_THAT(facts, HasSubstr("File Creation Time:\t Sat Mar 14 15:09:00 2026 UTC")) << path;
    EXPECT_THAT(facts, HasSubstr("MFT Changed Time:\t Sat Mar 14 15:09:00 2026 UTC")) << path;
    for (const char* line : {"File Creation Time", "File Altered Time", "MFT Changed Time", "Last Accessed Time"}) {
      EXPECT_THAT(facts, Not(ContainsRegex(std::string{line} + ":\t (Sun|Mon|Tue|Wed|Thu|Fri)"))) << path;
    }
  }
  EXPECT_THAT(volume.info("/Windows/Übung/klein.txt"), HasSubstr("HIDDEN SYSTEM"));
  EXPECT_THAT(volume.info("/EFI/Microsoft/Boot/a rather long name, with dots.bin"), HasSubstr("READONLY"));
  EXPECT_THAT(volume.info("/Windows/nothing/here"), HasSubstr("HIDDEN"));
  EXPECT_THAT(volume.info("/Windows/nothing/here"), ContainsRegex("Security ID:.*[1-9]"));
  const std::string bytes = content(volume.path());
  for (const std::size_t sector : {std::size_t{0}, bytes.size() - 512}) {
    EXPECT_EQ(bytes.substr(sector + 3, 4), "NTFS");
    EXPECT_EQ(bytes.substr(sector + 0x48, 8), "\xEF\xCD\xAB\x89\x67\x45\x23\x01");
  }
  EXPECT_EQ(bytes.substr(0x1C, 4), (std::string_view{"\x00\x40\x01\x00", 4})) << "hidden sectors";
}

TEST(MakeNtfsVolume, two_builds_at_different_times_are_equal) {
  Ntfs one{64 << 20U};
  Ntfs two{64 << 20U};
  const FileTree tree = many_files(300, 5000);
  ASSERT_TRUE(one.make(tree, one.format()));
  ::usleep(1'200'000);
  ASSERT_TRUE(two.make(tree, two.format()));
  EXPECT_EQ(run_tool("cmp " + one.path().string() + " " + two.path().string()).code, 0);
  struct stat facts{};
  ASSERT_EQ(::stat(one.path().c_str(), &facts), 0);
  EXPECT_LT(facts.st_blocks * 512, 10 << 20) << "what nothing was written to stays a hole";
}

TEST(MakeNtfsVolume, needed_sectors_are_enough_and_not_many_more) {
  std::vector<FileTree> trees;
  trees.emplace_back();
  trees.push_back(sample_tree());
  trees.push_back(many_files(800, 100));
  const fakes::TempFolder folder;
  const auto host = folder.sparse("host", 100 << 20U);
  FileTree large;
  ASSERT_TRUE(large.add({.path = "large", .source = host, .size = 100 << 20U}));
  trees.push_back(std::move(large));
  for (const FileTree& tree : trees) {
    for (const std::uint32_t cluster : {4096U, 65536U}) {
      Ntfs sized{512};
      const auto sectors = needed_ntfs_sectors(sized.format(cluster), tree);
      ASSERT_TRUE(sectors);
      Ntfs volume{*sectors * 512};
      const auto made = volume.make(tree, volume.format(cluster));
      ASSERT_TRUE(made) << made.error().detail << ": " << *sectors << " of " << cluster;
      EXPECT_EQ(volume.findings(), "");
      EXPECT_LT(*sectors * 512, tree.content_size() * 11 / 10 + (12 << 20U));
    }
  }
}

struct BadNtfs {
  const char* name;
  std::uint32_t cluster;
  const char* label;
  std::uint64_t kib;
  Errc code;
};
std::ostream& operator<<(std::ostream& out, const BadNtfs& row) { return out << row.name; }
class NtfsRefusals : public ::testing::TestWithParam<BadNtfs> {};
INSTANTIATE_TEST_SUITE_P(MakeNtfs, NtfsRefusals,
                         ::testing::Values(BadNtfs{"cluster_no_power", 3000, "", 65536, errc::cluster_size},
                                           BadNtfs{"cluster_too_large", 131072, "", 65536, errc::cluster_size},
                                           BadNtfs{"cluster_too_small", 256, "", 65536, errc::cluster_size},
                                           BadNtfs{"label", 0, "a label of more than thirty-two characters", 65536,
                                                   errc::volume_label},
                                           BadNtfs{"no_room_for_a_volume", 0, "", 512, errc::partition_too_small},
                                           BadNtfs{"contents_do_not_fit", 0, "", 1200, errc::partition_too_small}),
                         [](const auto& row) { return row.param.name; });

TEST_P(NtfsRefusals, have_their_code) {
  Ntfs volume{GetParam().kib * 1024};
  NtfsFormat format = volume.format(GetParam().cluster);
  format.label = GetParam().label;
  const auto made = volume.make(sample_tree(), format);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, GetParam().code) << made.error().detail;
}

TEST(MakeNtfsVolume, refuses_what_it_cannot_hold) {
  Ntfs volume{16 << 20U};
  FileTree link;
  ASSERT_TRUE(link.add({.kind = EntryKind::link, .path = "l", .target = "t"}));
  EXPECT_EQ(volume.make(link, volume.format()).error().code, errc::tree_kind);
  FileTree name{NameCase::exact};
  ASSERT_TRUE(name.add({.path = "a:b", .source = bytes_of("")}));
  EXPECT_EQ(volume.make(name, volume.format()).error().code, errc::tree_name);
  FileTree changed = sample_tree();
  ASSERT_TRUE(changed.add({.path = "wrong", .source = bytes_of("abc"), .size = 3, .digest = Sha256{std::byte{1}}}));
  EXPECT_EQ(volume.make(changed, volume.format()).error().code, errc::content_changed);
  const auto host = volume.folder().sparse("host", 13 << 20U);
  FileTree large;  // passes the first look, not mkntfs' own files
  ASSERT_TRUE(large.add({.path = "large", .source = host, .size = 13 << 20U}));
  ASSERT_TRUE(large.add({.path = "more", .source = pattern(2'500'000, 1), .size = 2'500'000}));
  EXPECT_EQ(volume.make(large, volume.format()).error().code, errc::partition_too_small);
}

TEST(WimFile, is_one_that_wimlib_verifies_and_holds_equal_contents_once) {
  const fakes::TempFolder folder;
  FileTree tree = sample_tree();
  for (const char* twin : {"\\z1", "\\z2"}) ASSERT_TRUE(tree.add(package_file(twin, pattern(500'000, 9))));
  std::string first;
  for (int round = 0; round < 2; ++round) {
    const fs::path path = folder / ("w" + std::to_string(round));
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    const auto written =
        write_wim(fd, tree, {.name = "a <name> & more", .properties = "<X><Y>1</Y></X>", .time = build_time});
    ::close(fd);
    ASSERT_TRUE(written) << written.error().detail;
    EXPECT_EQ(run_tool("wimlib-imagex verify " + path.string()).code, 0);
    if (round == 0) first = content(path);
    EXPECT_TRUE(content(path) == first);
  }
  EXPECT_LT(first.size(), 500'000U + 600'000U);
  const std::string path = (folder / "w0").string();
  const std::string facts = run_tool("wimlib-imagex info " + path).output;
  EXPECT_THAT(facts, HasSubstr("a <name> & more"));
  EXPECT_THAT(facts, HasSubstr("Sat Mar 14 15:09:00 2026"));
  EXPECT_EQ(run_tool("wimlib-imagex apply " + path + " 1 " + (folder / "out").string()).code, 0);
  for (const auto& [key, entry] : tree.entries()) {
    SCOPED_TRACE(entry.path);
    ASSERT_TRUE(fs::exists(folder / "out" / entry.path));
    if (entry.kind == EntryKind::file)
      EXPECT_TRUE(content(folder / "out" / entry.path) == as_text(std::get<std::vector<std::byte>>(entry.source)));
  }
}

}  // namespace
}  // namespace flashline::imaging
