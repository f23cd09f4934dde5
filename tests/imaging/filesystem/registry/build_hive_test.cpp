#include "imaging/filesystem/registry/build_hive.h"

#include <gmock/gmock.h>

#include "imaging/core/errors/filesystem.h"
#include "imaging/filesystem/registry/hive_format.h"
#include "imaging/filesystem/registry/read_hive.h"
#include "tests/fakes/temp_folder.h"
#include "tests/fakes/tool.h"
#include "tests/imaging/filesystem/registry/hives.h"

namespace flashline::imaging {
namespace {

using fakes::every_kind;
using fakes::hivex_lines;
using fakes::lines_of;
using fakes::noon;
using fakes::number_value;
using flashline::fakes::TempFolder;

std::filesystem::path hive_file(const TempFolder& folder, const RegistryTree& tree) {
  const auto hive = build_hive(tree, "SYSTEM", noon);
  return folder.file("hive", hive ? fakes::as_text(*hive) : hive.error().detail);
}

TEST(BuildHive, libhivex_reads_every_key_and_value) {
  const TempFolder folder;
  const RegistryTree tree = every_kind();
  EXPECT_EQ(fakes::difference(hivex_lines(hive_file(folder, tree)), lines_of(tree)), "");
}

TEST(BuildHive, hivexml_shows_what_was_reviewed) {
  const TempFolder folder;
  const std::string hive = hive_file(folder, fakes::common_kinds()).string();
  // Where the bytes lie is left out.
  const auto run = run_tool("sh -c 'hivexml " + hive + " | xmllint --format - | grep -v byte_run'");
  EXPECT_EQ(run.code, 0);
  EXPECT_EQ(run.output, fakes::golden("common_kinds.xml", run.output));
}

TEST(BuildHive, reglookup_lists_what_was_reviewed_and_has_no_complaint) {
  const TempFolder folder;
  const auto run = run_tool("reglookup -s " + hive_file(folder, fakes::common_kinds()).string());
  EXPECT_EQ(run.code, 0);
  EXPECT_EQ(run.output, fakes::golden("common_kinds.csv", run.output));
}

TEST(BuildHive, hivexsh_walks_an_empty_hive) {
  const TempFolder folder;
  const auto run =
      run_tool("sh -c 'printf \"ls\\nlsval\\ncd\\n\" | hivexsh " + hive_file(folder, RegistryTree{}).string() + "'");
  EXPECT_EQ(run.code, 0);
  EXPECT_EQ(run.output, "\\\n");
}

TEST(BuildHive, many_keys_hang_below_an_index_in_windows_order) {
  const TempFolder folder;
  RegistryTree tree;
  for (int i = 0; i < 3000; ++i) {
    ASSERT_TRUE(
        tree.merge("Many\\" + std::string(i % 2 == 0 ? "key_" : "KEY") + std::to_string(i * 7919 % 3000), {}, "p"));
  }
  EXPECT_EQ(fakes::difference(hivex_lines(hive_file(folder, tree)), lines_of(tree)), "");
}

TEST(BuildHive, many_values_lie_in_one_list) {
  const TempFolder folder;
  RegistryTree tree;
  std::vector<RegistryValue> values;
  for (unsigned i = 0; i < 5000; ++i) values.push_back(number_value("value " + std::to_string(i), i));
  ASSERT_TRUE(tree.merge("Many", values, "p"));
  EXPECT_EQ(fakes::difference(hivex_lines(hive_file(folder, tree)), lines_of(tree)), "");
}

TEST(BuildHive, is_repeatable_and_only_the_time_differs_by_time) {
  const auto first = build_hive(every_kind(), "SYSTEM", noon);
  const auto again = build_hive(every_kind(), "SYSTEM", noon);
  const auto later = build_hive(every_kind(), "SYSTEM", noon + 86400);
  ASSERT_TRUE(first && again && later);
  EXPECT_TRUE(*first == *again);
  EXPECT_FALSE(*first == *later);
  EXPECT_EQ(first->size(), later->size());
}

/// A field of the record in the first cell, which is the root's.
std::uint32_t root_field(const std::vector<std::byte>& hive, std::size_t field) {
  const std::uint32_t root = load32(std::span{hive}.subspan(36));
  return load32(std::span{hive}.subspan(hive::block_size + root + 4 + field));
}

TEST(BuildHive, header_and_root_are_as_the_format_says) {
  RegistryTree tree;
  ASSERT_TRUE(tree.merge("AB", std::vector{number_value("x", 1)}, "p"));
  ASSERT_TRUE(tree.merge("b\xC3\xBF", {}, "p"));
  const auto built = build_hive(tree, "SYSTEM", 0);
  ASSERT_TRUE(built);
  const std::vector<std::byte>& hive = *built;
  EXPECT_EQ(fakes::as_text(std::span{hive}.first(4)), "regf");
  EXPECT_EQ(load32(std::span{hive}.subspan(12)), 0xD53E8000U) << "1970 in 100 ns since 1601";
  EXPECT_EQ(load32(std::span{hive}.subspan(16)), 0x019DB1DEU);
  EXPECT_EQ(load32(std::span{hive}.subspan(40)), hive.size() - hive::block_size);
  EXPECT_EQ(fakes::as_text(std::span{hive}.subspan(48, 14)), std::string("S\0Y\0S\0T\0E\0M\0\0\0", 14));
  EXPECT_EQ(load32(std::span{hive}.subspan(508)), hive::checksum(hive));
  EXPECT_EQ(root_field(hive, 0) >> 16U, 0x2CU) << "root of a hive, not deletable, Latin-1 name";
  EXPECT_EQ(root_field(hive, 20), 2U) << "keys";
  EXPECT_EQ(root_field(hive, 52), 4U) << "longest name of a key, in bytes of UTF-16";
  const auto list = std::span{hive}.subspan(hive::block_size + root_field(hive, 28) + 4);
  EXPECT_EQ(fakes::as_text(list.first(4)), std::string("lh\2\0", 4));
  EXPECT_EQ(load32(list.subspan(8)), 65U * 37 + 66) << "hash of AB";
  EXPECT_EQ(load32(list.subspan(16)), 66U * 37 + 0x178) << "hash of b and a small y with diaeresis";
}

TEST(BuildHive, every_key_shares_one_descriptor_that_counts_them) {
  RegistryTree tree;
  ASSERT_TRUE(tree.merge("a\\b", {}, "p"));
  const auto hive = build_hive(tree, "X", noon);
  ASSERT_TRUE(hive);
  const auto security = std::span{*hive}.subspan(hive::block_size + root_field(*hive, 44) + 4);
  EXPECT_EQ(fakes::as_text(security.first(2)), "sk");
  EXPECT_EQ(load32(security.subspan(4)), root_field(*hive, 44)) << "a ring of one";
  EXPECT_EQ(load32(security.subspan(8)), root_field(*hive, 44));
  EXPECT_EQ(load32(security.subspan(12)), 3U);
  const auto folder = TempFolder{};
  EXPECT_THAT(run_tool("reglookup -s " + hive_file(folder, tree).string()).output,
              ::testing::HasSubstr("S-1-5-32-544,S-1-5-32-544"));
}

TEST(BuildHive, refuses_what_is_too_large) {
  RegistryTree tree;
  ASSERT_TRUE(tree.merge("a", std::vector{RegistryValue{"v", RegistryType::binary, fakes::pattern(5000)}}, "p"));
  const auto hive = build_hive(tree, "SYSTEM", noon, 8192);
  ASSERT_FALSE(hive);
  EXPECT_EQ(hive.error().code, errc::hive_too_large);
  EXPECT_EQ(hive.error().detail, "'SYSTEM' needs 16384 bytes of at most 8192");
}

}  // namespace
}  // namespace flashline::imaging
