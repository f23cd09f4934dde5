#include "imaging/filesystem/fat/fat_name.h"

#include <gtest/gtest.h>

#include "imaging/core/unicode.h"

namespace flashline::imaging::fat {
namespace {

ShortName packed(std::string_view text) {
  ShortName name;
  std::copy_n(text.begin(), name.size(), name.begin());
  return name;
}

std::string text(const ShortName& name) { return {name.begin(), name.end()}; }

struct AliasCase {
  const char* name;
  const char* long_name;
  const char* alias;
  bool needs_long;
};

class Alias : public ::testing::TestWithParam<AliasCase> {};

// Expected values: "FAT32 File System Specification", section "Name Limits and Character Sets"; same as Windows.
INSTANTIATE_TEST_SUITE_P(Fat, Alias,
                         ::testing::Values(AliasCase{"exact", "README.TXT", "README  TXT", false},
                                           AliasCase{"no_extension", "KERNEL", "KERNEL     ", false},
                                           AliasCase{"lower_case", "readme.txt", "README  TXT", true},
                                           AliasCase{"long_base", "TextFile.Mine.txt", "TEXTFI~1TXT", true},
                                           AliasCase{"long_extension", "a.json", "A~1     JSO", true},
                                           AliasCase{"forbidden_in_short", "a+b.c", "A_B~1   C  ", true},
                                           AliasCase{"spaces", "my file.x", "MYFILE~1X  ", true},
                                           AliasCase{"leading_dot", ".profile", "PROFIL~1   ", true},
                                           AliasCase{"only_strange", "ü", "_~1        ", true},
                                           AliasCase{"two_dots", "a.b.c", "AB~1    C  ", true}),
                         [](const auto& row) { return row.param.name; });

TEST_P(Alias, is) {
  const auto chosen = new_name(*utf16_of(GetParam().long_name), {});
  ASSERT_TRUE(chosen);
  EXPECT_EQ(text(chosen->short_name), GetParam().alias);
  EXPECT_EQ(chosen->needs_long, GetParam().needs_long);
}

TEST(FatName, aliases_count_up_and_shorten) {
  std::set<ShortName> taken;
  ShortName last{};
  for (int i = 0; i < 100; ++i) {
    const auto chosen = new_name(u"configuration.json", taken);
    ASSERT_TRUE(chosen);
    last = chosen->short_name;
    ASSERT_TRUE(taken.insert(last).second);
  }
  EXPECT_EQ(text(last), "CONF~100JSO");
}

TEST(FatName, exact_name_that_is_taken_gets_a_tail) {
  const auto chosen = new_name(u"README.TXT", {packed("README  TXT")});
  EXPECT_EQ(text(chosen->short_name), "README~1TXT");
  EXPECT_TRUE(chosen->needs_long);
}

TEST(FatName, shown_names) {
  EXPECT_EQ(shown_name(packed("README  TXT"), 0), u"README.TXT");
  EXPECT_EQ(shown_name(packed("README  TXT"), 0x18), u"readme.txt");
  EXPECT_EQ(shown_name(packed("README  TXT"), 0x08), u"readme.TXT");
  EXPECT_EQ(shown_name(packed("KERNEL     "), 0), u"KERNEL");
  EXPECT_EQ(shown_name(packed("\x05"
                              "BC        "),
                       0),
            u"σBC");
}

TEST(FatName, long_name_round_trip) {
  for (const std::size_t length : {1U, 12U, 13U, 14U, 26U, 255U}) {
    const std::u16string name(length, u'x');
    const ShortName short_name = packed("XXXXXX~1   ");
    LongNameReader reader;
    for (const Slot& slot : long_slots(name, checksum_of(short_name))) reader.take(slot);
    EXPECT_EQ(reader.finish(short_name), name) << length;
  }
}

TEST(FatName, long_name_entries_out_of_order_are_dropped) {
  const ShortName short_name = packed("XXXXXX~1   ");
  auto slots = long_slots(std::u16string(30, u'x'), checksum_of(short_name));
  std::swap(slots[1], slots[2]);
  LongNameReader reader;
  for (const Slot& slot : slots) reader.take(slot);
  EXPECT_FALSE(reader.finish(short_name));
}

TEST(FatName, case_is_folded_beyond_ascii) {
  EXPECT_TRUE(same_name(u"straße ÄÖÜ.Файл", u"STRAßE äöü.ФАЙЛ"));
  EXPECT_TRUE(same_name(u"ŠĐčž", u"šđČŽ"));
  EXPECT_FALSE(same_name(u"a÷", u"A×"));
  EXPECT_FALSE(same_name(u"ab", u"abc"));
}

}  // namespace
}  // namespace flashline::imaging::fat
