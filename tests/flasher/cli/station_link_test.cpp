#include "flasher/cli/station_link.h"

#include <gmock/gmock.h>

#include "imaging/core/errors/station.h"

namespace flashline::line {
namespace {

using ::testing::ElementsAre;

TEST(UrlPart, leaves_only_plain_characters) {
  EXPECT_EQ(url_part("FL-1_a.b"), "FL-1_a.b");
  EXPECT_EQ(url_part("a/b?c d\xC3\xA9"), "a%2Fb%3Fc%20d%C3%A9");
}

TEST(TableOf, lines_columns_up) {
  const auto lines = table_of(
      R"({"slots":[{"name":"1","p":{"rate":20000000,"done":1048576},"macs":["a","b"],"y":0.5},{"name":"long","p":{"rate":0},"y":null}]})",
      "slots",
      {{"SLOT", "/name"},
       {"RATE", "/p/rate", Column::Form::rate},
       {"DONE", "/p/done", Column::Form::bytes},
       {"YIELD", "/y", Column::Form::percent},
       {"MACS", "/macs"}});
  ASSERT_TRUE(lines.has_value());
  EXPECT_THAT(*lines,
              ElementsAre("SLOT  RATE       DONE     YIELD   MACS", "1     20.0 MB/s  1.0 MiB  50.0 %  a, b", "long"));
}

TEST(TableOf, an_answer_of_another_kind_is_an_error) {
  for (const char* text : {"", "[]", "{}", R"({"slots":1})", "<html>"}) {
    const auto lines = table_of(text, "slots", {});
    ASSERT_FALSE(lines.has_value()) << text;
    EXPECT_EQ(lines.error().code, errc::station_answer);
    EXPECT_EQ(exit_code_of(lines.error().code), 7);
  }
}

TEST(SheetOf, leaves_out_what_has_no_value) {
  const auto lines = sheet_of(R"({"a":"x","b":null,"c":[],"d":7,"e":true})",
                              {{"A", "/a"}, {"B", "/b"}, {"C", "/c"}, {"D", "/d"}, {"E", "/e"}, {"F", "/f"}});
  ASSERT_TRUE(lines.has_value());
  EXPECT_THAT(*lines, ElementsAre("A: x", "D: 7", "E: true"));
}

}  // namespace
}  // namespace flashline::line
