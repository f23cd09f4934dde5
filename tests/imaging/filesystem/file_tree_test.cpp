// Packages merged into one tree, and folders of this machine as trees.

#include "imaging/filesystem/file_tree.h"

#include <fcntl.h>
#include <filesystem>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include "imaging/core/errors/build.h"
#include "imaging/core/errors/filesystem.h"
#include "imaging/filesystem/file_block_view.h"
#include "imaging/filesystem/tree_content.h"
#include "tests/fakes/memory_disk.h"
#include "tests/fakes/temp_folder.h"

namespace flashline::imaging {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

PackageFile file(std::string path, std::string_view content = "x") {
  auto bytes = bytes_of(content);
  const Sha256 digest = sha256(bytes);
  const auto size = bytes.size();
  return {.device_path = std::move(path), .source = std::move(bytes), .size = size, .digest = digest};
}

std::vector<std::string> paths(const FileTree& tree) {
  std::vector<std::string> out;
  for (const auto& [key, entry] : tree.entries()) out.push_back(entry.path);
  return out;
}

TEST(FileTree, makes_folders_and_does_not_depend_on_order) {
  FileTree one;
  ASSERT_TRUE(one.add(file("\\Windows\\System32\\b.dll"), "A"));
  ASSERT_TRUE(one.add(file("\\Windows\\System32\\a.dll"), "A"));
  ASSERT_TRUE(
      one.add(PackageDirectory{.device_path = "\\Windows\\System32", .attributes = file_attribute::hidden}, "B"));
  FileTree other;
  ASSERT_TRUE(
      other.add(PackageDirectory{.device_path = "\\Windows\\System32\\", .attributes = file_attribute::hidden}));
  ASSERT_TRUE(other.add(file("\\Windows\\System32\\a.dll")));
  ASSERT_TRUE(other.add(file("Windows/System32/b.dll")));
  EXPECT_THAT(paths(one),
              ElementsAre("", "Windows", "Windows/System32", "Windows/System32/a.dll", "Windows/System32/b.dll"));
  EXPECT_EQ(paths(one), paths(other));
  EXPECT_EQ(one.find("\\WINDOWS\\system32")->attributes, file_attribute::hidden);
  EXPECT_EQ(one.content_size(), 2U);
}

TEST(FileTree, a_folder_keeps_its_first_spelling) {
  FileTree tree;
  ASSERT_TRUE(tree.add(file("\\Windows\\Übung\\a")));
  ASSERT_TRUE(tree.add(file("\\WINDOWS\\üBUNG\\b")));
  EXPECT_THAT(paths(tree), ElementsAre("", "Windows", "Windows/Übung", "Windows/Übung/a", "Windows/Übung/b"));
}

TEST(FileTree, a_folder_stands_before_what_lies_in_it_whatever_its_siblings_are_called) {
  FileTree tree{NameCase::exact};
  for (const char* path : {"a-b", "a/z", "a b/c", "A"}) ASSERT_TRUE(tree.add({.path = path}));
  EXPECT_THAT(paths(tree), ElementsAre("", "A", "a", "a/z", "a b", "a b/c", "a-b"));
  const auto folders = tree.folders();
  ASSERT_EQ(folders.size(), 3U);
  EXPECT_EQ(folders[0].children.size(), 4U);
  EXPECT_EQ(folders[1].entry->path, "a");
  EXPECT_EQ(folders[0].children[1].folder, 1U);
  EXPECT_EQ(folders[2].children[0].entry->path, "a b/c");
  EXPECT_EQ(folders[2].parent, 0U);
}

struct Collision {
  const char* name;
  const char* first;
  const char* second;
  const char* content;
  Errc code;
};
class Collisions : public ::testing::TestWithParam<Collision> {};
INSTANTIATE_TEST_SUITE_P(FileTree, Collisions,
                         ::testing::Values(Collision{"other_bytes", "\\a", "\\A", "y", errc::tree_collision},
                                           Collision{"file_under_file", "\\a", "\\a\\b", "x", errc::tree_collision},
                                           Collision{"file_over_folder", "\\a\\b", "\\a", "x", errc::tree_collision},
                                           Collision{"way_up", "\\a", "\\b\\..\\c", "x", errc::tree_name},
                                           Collision{"no_name", "\\a", "\\", "x", errc::tree_name},
                                           Collision{"no_utf8", "\\a", "\\\xFF", "x", errc::tree_name}),
                         [](const auto& row) { return row.param.name; });

TEST_P(Collisions, are_refused_by_name) {
  FileTree tree;
  ASSERT_TRUE(tree.add(file(GetParam().first), "Contoso.One"));
  const auto refused = tree.add(file(GetParam().second, GetParam().content), "Contoso.Two");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, GetParam().code);
  if (refused.error().code == errc::tree_collision) {
    EXPECT_THAT(refused.error().detail, HasSubstr("Contoso.One"));
    EXPECT_THAT(refused.error().detail, HasSubstr("Contoso.Two"));
  }
}

TEST(FileTree, equal_bytes_are_no_collision_but_unknown_digests_are) {
  FileTree tree;
  ASSERT_TRUE(tree.add(file("\\a"), "One"));
  EXPECT_TRUE(tree.add(file("\\A"), "Two"));
  EXPECT_EQ(tree.find("a")->from, "One");
  PackageFile unknown = file("\\a");
  unknown.digest = {};
  EXPECT_EQ(tree.add(unknown).error().code, errc::tree_collision);
}

TEST(FileTree, of_a_folder) {
  const fakes::TempFolder folder;
  folder.file("etc/system-systemd\\x2dcryptsetup.slice", "unit");
  folder.file("etc/Terminfo", "1");
  folder.file("etc/terminfo", "22");
  std::filesystem::create_symlink("../etc", folder / "link");
  ASSERT_EQ(::chmod((folder / "etc/terminfo").c_str(), 04711), 0);
  const auto tree = tree_of_folder(folder.path());
  ASSERT_TRUE(tree) << tree.error().detail;
  EXPECT_THAT(paths(*tree), ElementsAre("", "etc", "etc/Terminfo", "etc/system-systemd\\x2dcryptsetup.slice",
                                        "etc/terminfo", "link"));
  EXPECT_EQ(tree->find("link")->target, "../etc");
  EXPECT_EQ(tree->find("etc/terminfo")->unix_facts, (UnixFacts{.mode = 04711}));
  EXPECT_EQ(tree->find("etc/terminfo")->size, 2U);
  EXPECT_EQ(tree_of_folder(folder.path(), NameCase::blind).error().code, errc::tree_collision);
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  EXPECT_EQ(tree_of_folder(folder.path()).error().code, errc::tree_kind);
  EXPECT_EQ(tree_of_folder(folder / "none").error().code, errc::input_open);
}

TEST(TreeContent, comes_in_pieces_and_is_checked) {
  const fakes::TempFolder folder;
  const auto bytes = pattern(content_piece + 5, 1);
  const auto path = folder.file("f", std::string_view{reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  TreeEntry entry{.path = "f", .source = path, .size = bytes.size(), .digest = sha256(bytes)};
  std::vector<std::size_t> pieces;
  std::vector<std::byte> got;
  const TakeContent take = [&](std::span<const std::byte> piece) -> Status {
    pieces.push_back(piece.size());
    got.insert(got.end(), piece.begin(), piece.end());
    return {};
  };
  ASSERT_TRUE(read_content(entry, take));
  EXPECT_THAT(pieces, ElementsAre(content_piece, 5U));
  EXPECT_TRUE(got == bytes);
  EXPECT_EQ(content_start(entry, 4)->size(), 4U);
  for (const std::uint64_t size : {entry.size - 1, entry.size + 1}) {
    TreeEntry wrong = entry;
    wrong.size = size;
    EXPECT_EQ(read_content(wrong, take).error().code, errc::content_changed);
  }
  entry.digest->front() ^= std::byte{1};
  EXPECT_EQ(read_content(entry, take).error().code, errc::content_changed);
  entry.digest.reset();
  entry.source = bytes;
  EXPECT_TRUE(read_content(entry, take));
}

TEST(TreeContent, zeros_leave_holes) {
  const fakes::TempFolder folder;
  std::filesystem::path path = folder.sparse("disk", 1 << 20);
  const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  FileBlockView view{fd, ByteOffset{4096}, ByteCount{(1 << 20) - 4096}};
  std::vector<std::byte> bytes(512 * 1024);
  bytes[0] = bytes[100 * 4096 + 7] = std::byte{1};
  ASSERT_TRUE(write_sparse(view, ByteOffset{4096}, bytes));
  struct stat facts{};
  ASSERT_EQ(::fstat(fd, &facts), 0);
  EXPECT_LE(facts.st_blocks * 512, 2 * 4096);
  std::vector<std::byte> back(bytes.size());
  ASSERT_TRUE(view.read(ByteOffset{4096}, back));
  EXPECT_TRUE(back == bytes);
  EXPECT_FALSE(view.write(ByteOffset{view.size().value - 1}, std::span{bytes}.first(2)));
  ::close(fd);
}

}  // namespace
}  // namespace flashline::imaging
