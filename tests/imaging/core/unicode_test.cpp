#include "imaging/core/unicode.h"

#include <gtest/gtest.h>

namespace flashline {
namespace {

struct BadText {
  const char* name;
  std::string text;
  std::size_t at;
};

class Utf8 : public ::testing::TestWithParam<BadText> {};

INSTANTIATE_TEST_SUITE_P(
    Core, Utf8,
    ::testing::Values(BadText{"lone_continuation", "a\x80", 1}, BadText{"overlong_slash", "\xC0\xAF", 0},
                      BadText{"overlong_three", "ab\xE0\x80\xAF", 2}, BadText{"surrogate", "\xED\xA0\x80", 0},
                      BadText{"past_the_last", "\xF4\x90\x80\x80", 0}, BadText{"cut_short", "x\xE2\x82", 1},
                      BadText{"latin_1", "Gr\xF6\xDF", 2}, BadText{"ff", "\xFF", 0}),
    [](const auto& row) { return row.param.name; });

TEST_P(Utf8, invalid_text_is_found_where_it_begins) {
  EXPECT_EQ(first_invalid_utf8(GetParam().text), GetParam().at);
  EXPECT_FALSE(utf16_of(GetParam().text));
}

TEST(Unicode, round_trip) {
  const std::string text = "aß€😀\xEF\xBF\xBF";
  EXPECT_FALSE(first_invalid_utf8(text));
  EXPECT_EQ(utf16_of(text), u"aß€😀\uFFFF");
  EXPECT_EQ(utf8_of(u"aß€😀\uFFFF"), text);
}

TEST(Unicode, unpaired_surrogates_are_replaced) {
  const std::u16string broken{u'a', char16_t{0xD83D}, u'b', char16_t{0xDE00}};
  EXPECT_EQ(utf8_of(broken), "a\uFFFDb\uFFFD");
}

}  // namespace
}  // namespace flashline
