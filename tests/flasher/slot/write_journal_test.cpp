#include "flasher/slot/detail/write_journal.h"

#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <iterator>

#include "tests/fakes/temp_folder.h"

namespace flashline::line::detail {
namespace {

using imaging::Extent;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

Extent extent(std::uint64_t at, std::uint64_t length) { return {ByteOffset{at}, ByteCount{length}}; }

const JournalKey key{"FL-1/../x", "card-1", 1000, "image", "overlay"};

std::vector<Extent> remembered(const std::filesystem::path& folder, const JournalKey& of = key) {
  auto journal = WriteJournal::open(folder, of);
  EXPECT_TRUE(journal) << to_text(journal.error());
  return (*journal)->durable();
}

std::filesystem::path only_file(const std::filesystem::path& folder) {
  return std::filesystem::directory_iterator { folder } -> path();
}

TEST(WriteJournal, remembers_what_was_added_joined_and_ascending) {
  fakes::TempFolder folder;
  auto journal = WriteJournal::open(folder.path(), key);
  ASSERT_TRUE(journal);
  EXPECT_THAT((*journal)->durable(), IsEmpty());
  ASSERT_TRUE((*journal)->add({extent(4096, 4096), extent(0, 4096)}));
  ASSERT_TRUE((*journal)->add({extent(16384, 10), extent(8000, 1000)}));
  EXPECT_THAT(remembered(folder.path()), ElementsAre(extent(0, 9000), extent(16384, 10)));
}

TEST(WriteJournal, of_other_work_is_thrown_away) {
  const auto change = [](auto member) {
    JournalKey other = key;
    other.*member += "x";
    return other;
  };
  JournalKey larger = key;
  larger.capacity += 512;
  for (const auto& other :
       {change(&JournalKey::medium), change(&JournalKey::image_digest), change(&JournalKey::overlay_digest), larger}) {
    fakes::TempFolder folder;
    ASSERT_TRUE((*WriteJournal::open(folder.path(), key))->add({extent(0, 512)}));
    EXPECT_THAT(remembered(folder.path(), other), IsEmpty());
    EXPECT_THAT(remembered(folder.path()), IsEmpty()) << "and is about the other now";
  }
}

TEST(WriteJournal, never_says_more_than_was_written_to_it_wherever_it_is_torn) {
  fakes::TempFolder folder;
  ASSERT_TRUE((*WriteJournal::open(folder.path(), key))->add({extent(0, 512), extent(1024, 512), extent(123456, 789)}));
  const auto file = only_file(folder.path());
  std::string whole;
  {
    std::ifstream in{file, std::ios::binary};
    whole.assign(std::istreambuf_iterator<char>{in}, {});
  }
  const std::vector<Extent> all{extent(0, 512), extent(1024, 512), extent(123456, 789)};
  for (std::size_t length = 0; length <= whole.size(); ++length) {
    std::ofstream{file, std::ios::binary | std::ios::trunc} << whole.substr(0, length);
    const auto found = remembered(folder.path());
    ASSERT_LE(found.size(), all.size());
    EXPECT_TRUE(std::equal(found.begin(), found.end(), all.begin())) << length;
    if (length == whole.size()) EXPECT_EQ(found.size(), 3U);
  }
}

TEST(WriteJournal, believes_no_line_with_a_changed_byte) {
  fakes::TempFolder folder;
  ASSERT_TRUE((*WriteJournal::open(folder.path(), key))->add({extent(4096, 8192)}));
  const auto file = only_file(folder.path());
  std::string whole;
  {
    std::ifstream in{file, std::ios::binary};
    whole.assign(std::istreambuf_iterator<char>{in}, {});
  }
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string changed = whole;
    changed[at] = changed[at] == '7' ? '8' : '7';
    std::ofstream{file, std::ios::binary | std::ios::trunc} << changed;
    EXPECT_THAT(remembered(folder.path()), IsEmpty()) << "byte " << at;
  }
}

TEST(WriteJournal, goes_on_behind_a_torn_line) {
  fakes::TempFolder folder;
  ASSERT_TRUE((*WriteJournal::open(folder.path(), key))->add({extent(0, 512)}));
  std::ofstream{only_file(folder.path()), std::ios::app} << "4096 51";
  ASSERT_TRUE((*WriteJournal::open(folder.path(), key))->add({extent(8192, 512)}));
  EXPECT_THAT(remembered(folder.path()), ElementsAre(extent(0, 512), extent(8192, 512)));
}

TEST(WriteJournal, is_gone_when_the_unit_is_done) {
  fakes::TempFolder folder;
  ASSERT_TRUE((*WriteJournal::open(folder.path(), key))->add({extent(0, 512)}));
  WriteJournal::remove(folder.path(), key.serial);
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

}  // namespace
}  // namespace flashline::line::detail
