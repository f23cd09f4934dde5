#include "imaging/filesystem/registry/registry_tree.h"

#include <gmock/gmock.h>

#include "imaging/core/errors/filesystem.h"
#include "tests/imaging/filesystem/registry/hives.h"

namespace flashline::imaging {
namespace {

using fakes::lines_of;
using fakes::number_value;
using fakes::text_value;
using ::testing::ElementsAre;

TEST(RegistryTree, merges_without_case_and_keeps_the_first_spelling) {
  RegistryTree tree;
  ASSERT_TRUE(tree.merge("Software\\Contoso", std::vector{number_value("One", 1)}, "first"));
  ASSERT_TRUE(tree.merge("SOFTWARE\\contoso", std::vector{number_value("ONE", 2), number_value("two", 3)}, "second"));
  EXPECT_THAT(lines_of(tree),
              ElementsAre("", "\\Software", "\\Software\\Contoso", "\\Software\\Contoso : One = 4:02000000",
                          "\\Software\\Contoso : two = 4:03000000"));
}

TEST(RegistryTree, last_writer_wins_and_both_are_named) {
  RegistryTree tree;
  ASSERT_TRUE(
      tree.merge("K", std::vector{number_value("v", 1), number_value("same", 7), text_value("kind", u"")}, "a"));
  ASSERT_TRUE(
      tree.merge("k", std::vector{number_value("V", 2), number_value("same", 7), number_value("kind", 0)}, "b"));
  ASSERT_TRUE(tree.merge("K", std::vector{number_value("v", 3)}, "b"));
  ASSERT_TRUE(tree.merge("K", std::vector{number_value("v", 4)}, "c"));
  EXPECT_THAT(tree.conflicts(),
              ElementsAre(RegistryConflict{"k", "V", "a", "b"}, RegistryConflict{"k", "kind", "a", "b"},
                          RegistryConflict{"K", "v", "b", "c"}));
  const TreeValue* const value = tree.find("K", "v");
  ASSERT_NE(value, nullptr);
  EXPECT_EQ(tree.writer(*value), "c");
  EXPECT_EQ(tree.writer(*tree.find("K", "SAME")), "b");
}

TEST(RegistryTree, finds_nothing_where_nothing_is) {
  RegistryTree tree;
  ASSERT_TRUE(tree.merge("a\\b", {}, "p"));
  EXPECT_EQ(tree.find("a\\c"), nullptr);
  EXPECT_EQ(tree.find("a\\b", "x"), nullptr);
  EXPECT_EQ(tree.find("a\\\xFF"), nullptr);
  EXPECT_EQ(tree.find(""), &tree.root());
}

struct BadName {
  const char* name;
  std::string key, value, message;
};
class RegistryTreeRefuses : public ::testing::TestWithParam<BadName> {};

TEST_P(RegistryTreeRefuses, names_that_windows_refuses) {
  const auto& row = GetParam();
  RegistryTree tree;
  const auto merged = tree.merge(row.key, std::vector{number_value(row.value, 1)}, "p");
  ASSERT_FALSE(merged);
  EXPECT_EQ(merged.error().code, errc::registry_name);
  EXPECT_THAT(merged.error().detail, ::testing::EndsWith(row.message));
}

std::string deep(std::size_t keys) {
  std::string path = "k";
  for (std::size_t i = 1; i < keys; ++i) path += "\\k";
  return path;
}

INSTANTIATE_TEST_SUITE_P(
    RegistryTree, RegistryTreeRefuses,
    ::testing::Values(BadName{"leading", "\\a", "", "two backslashes in a row, or one at an end"},
                      BadName{"trailing", "a\\", "", "two backslashes in a row, or one at an end"},
                      BadName{"empty_part", "a\\\\b", "", "two backslashes in a row, or one at an end"},
                      BadName{"key_not_utf8", "a\\\xC3", "", "no valid UTF-8"},
                      BadName{"long_key", std::string(256, 'k'), "", "a part has 256 characters"},
                      BadName{"deep", deep(513), "", "more than 512 keys deep"},
                      BadName{"value_not_utf8", "a", "\xFF", "the name of value '\xFF' is no valid UTF-8"},
                      BadName{"long_value", "a", std::string(16384, 'v'), "a value's name has 16384 characters"}),
    [](const auto& row) { return row.param.name; });

TEST(RegistryTree, takes_the_longest_names_and_the_deepest_keys) {
  RegistryTree tree;
  EXPECT_TRUE(tree.merge(std::string(255, 'k'), std::vector{number_value(std::string(16383, 'v'), 1)}, "p"));
  EXPECT_TRUE(tree.merge(deep(512), {}, "p"));
}

}  // namespace
}  // namespace flashline::imaging
