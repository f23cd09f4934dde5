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

RegistryValue list_value(std::string name, std::initializer_list<std::u16string_view> parts, bool append = false) {
  std::u16string text;
  for (const std::u16string_view part : parts) text.append(part).push_back(u'\0');
  return {std::move(name), RegistryType::multi_sz, fakes::wide(text), append};
}
RegistryValue added_value(std::string name, std::initializer_list<std::u16string_view> parts) {
  return list_value(std::move(name), parts, true);
}

/// What packages "a", "b", "c"... do to the value "G", one after another, and what comes of it.
struct Joined {
  const char* name;
  std::vector<RegistryValue> steps;
  RegistryValue list;
  std::vector<std::string> writers;
  std::size_t conflicts = 0;
};
class RegistryTreeJoins : public ::testing::TestWithParam<Joined> {};

TEST_P(RegistryTreeJoins, parts_of_lists_in_the_order_of_packages) {
  const auto& row = GetParam();
  RegistryTree tree;
  std::string writer = "a";
  for (const RegistryValue& step : row.steps) {
    ASSERT_TRUE(tree.merge("SvcHost", std::vector{step}, writer));
    ++writer[0];
  }
  const TreeValue* const value = tree.find("SvcHost", "G");
  ASSERT_NE(value, nullptr);
  EXPECT_EQ(value->type, row.list.type);
  EXPECT_EQ(fakes::hex(value->data), fakes::hex(row.list.data));
  EXPECT_EQ(tree.writers(*value), row.writers);
  EXPECT_EQ(tree.conflicts().size(), row.conflicts);
}

INSTANTIATE_TEST_SUITE_P(
    RegistryTree, RegistryTreeJoins,
    ::testing::Values(
        Joined{"alone", {added_value("G", {u"x", u"y"})}, list_value("G", {u"x", u"y"}), {"a"}},
        Joined{"set_then_added",
               {list_value("G", {u"x"}), added_value("g", {u"y"}), added_value("G", {u"z"})},
               list_value("G", {u"x", u"y", u"z"}),
               {"a", "b", "c"}},
        Joined{"added_then_set",
               {added_value("G", {u"y"}), list_value("G", {u"x"}), added_value("G", {u"z"})},
               list_value("G", {u"x", u"y", u"z"}),
               {"b", "a", "c"}},
        Joined{"nothing_twice",
               {list_value("G", {u"Rpc"}), added_value("G", {u"rpc", u"y"}), added_value("G", {u"Y", u"RPC"})},
               list_value("G", {u"Rpc", u"y"}),
               {"a", "b"}},
        Joined{"set_again_to_the_same",
               {list_value("G", {u"x"}), added_value("G", {u"y"}), list_value("G", {u"x"})},
               list_value("G", {u"x", u"y"}),
               {"c", "b"}},
        Joined{"set_again_to_another",
               {list_value("G", {u"x"}), added_value("G", {u"y"}), list_value("G", {u"q", u"y"})},
               list_value("G", {u"q", u"y"}),
               {"c"},
               1},
        Joined{"added_to_what_is_no_list",
               {number_value("G", 1), added_value("G", {u"y"})},
               list_value("G", {u"y"}),
               {"b"},
               1},
        Joined{
            "list_becomes_a_number", {added_value("G", {u"y"}), number_value("G", 1)}, number_value("G", 1), {"b"}, 1},
        Joined{"nothing_added", {added_value("G", {})}, list_value("G", {}), {"a"}},
        Joined{"list_without_an_end",
               {RegistryValue{"G", RegistryType::multi_sz, fakes::wide(u"x")}, added_value("G", {u"y"})},
               list_value("G", {u"x", u"y"}),
               {"a", "b"}}),
    [](const auto& row) { return row.param.name; });

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
