#include "imaging/source/output_file.h"

#include <csignal>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "imaging/core/errors/image.h"
#include "tests/fakes/temp_folder.h"

namespace flashline::imaging {
namespace {

std::string text_of(const std::filesystem::path& path) {
  std::ifstream in{path, std::ios::binary};
  return {std::istreambuf_iterator<char>(in), {}};
}

std::size_t entries_of(const std::filesystem::path& folder) {
  return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator{folder}, {}));
}

Status write_text(OutputFile& file, std::string_view text) {
  return file.write(ByteOffset{0}, std::as_bytes(std::span{text}));
}

TEST(OutputFile, ReplacesTheOldFileWhenItIsComplete) {
  const fakes::TempFolder folder;
  const auto path = folder.file("out", "old");
  auto file = OutputFile::create(path);
  ASSERT_TRUE(file.has_value()) << to_text(file.error());
  ASSERT_TRUE(write_text(*file, "new").has_value());
  EXPECT_EQ(text_of(path), "old");
  ASSERT_TRUE(file->commit().has_value());
  EXPECT_EQ(text_of(path), "new");
  EXPECT_EQ(entries_of(folder.path()), 1U);
}

TEST(OutputFile, LeavesNothingWithoutCommit) {
  const fakes::TempFolder folder;
  const auto path = folder.file("out", "old");
  {
    auto file = OutputFile::create(path);
    ASSERT_TRUE(write_text(*file, "new").has_value());
  }
  EXPECT_EQ(text_of(path), "old");
  EXPECT_EQ(entries_of(folder.path()), 1U);
}

TEST(OutputFile, LeavesNothingWhenItsProcessIsKilled) {
  const fakes::TempFolder folder;
  const pid_t child = fork();
  if (child == 0) {
    auto file = OutputFile::create(folder / "out");
    if (file && write_text(*file, "new")) std::raise(SIGKILL);
    _exit(1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(entries_of(folder.path()), 0U);
}

TEST(OutputFile, GetsTheModeOfAnyNewFile) {
  const fakes::TempFolder folder;
  const mode_t mask = umask(027);
  auto file = OutputFile::create(folder / "out");
  umask(mask);
  ASSERT_TRUE(file->commit().has_value());
  struct stat facts{};
  ASSERT_EQ(stat((folder / "out").c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0640U);
}

TEST(OutputFile, RefusesWhatIsNoRegularFile) {
  const fakes::TempFolder folder;
  for (const std::filesystem::path& path : {std::filesystem::path{"/dev/null"}, folder.path(), folder / "no" / "out"}) {
    const auto file = OutputFile::create(path);
    ASSERT_FALSE(file.has_value()) << path;
    EXPECT_EQ(file.error().code, errc::image_write);
  }
}

}  // namespace
}  // namespace flashline::imaging
