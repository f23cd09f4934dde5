#include "imaging/provisioning/text_template.h"

#include <gmock/gmock.h>

#include "imaging/core/errors/unit.h"

namespace flashline::imaging {
namespace {

const UnitFields fields{{"serial", "FL-000001"}, {"mac.0", "02:00:5E:10:00:00"}, {"wi-fi key", "p$w"}};

struct Good {
  const char* name;
  const char* text;
  const char* rendered;
};
class Renders : public ::testing::TestWithParam<Good> {};
INSTANTIATE_TEST_SUITE_P(Template, Renders,
                         ::testing::Values(Good{"nothing", "", ""}, Good{"plain", "a { } b\n", "a { } b\n"},
                                           Good{"field", "S=${serial}\n", "S=FL-000001\n"},
                                           Good{"two", "${serial}${mac.0}", "FL-00000102:00:5E:10:00:00"},
                                           Good{"escape", "$$5 $${serial}", "$5 ${serial}"},
                                           Good{"escape_before_field", "$$${serial}", "$FL-000001"},
                                           Good{"value_is_not_a_template", "${wi-fi key}", "p$w"}),
                         [](const auto& row) { return row.param.name; });
TEST_P(Renders, text) { EXPECT_EQ(render_template(GetParam().text, fields, "t"), GetParam().rendered); }

struct Bad {
  const char* name;
  const char* text;
  Errc code;
  const char* place;
};
class Refuses : public ::testing::TestWithParam<Bad> {};
INSTANTIATE_TEST_SUITE_P(Template, Refuses,
                         ::testing::Values(Bad{"unknown", "a\nbc ${seral}", errc::template_field, "t.env:2:4: "},
                                           Bad{"column_in_characters", "äöü ${x}", errc::template_field, "t.env:1:5: "},
                                           Bad{"lone_dollar", "cost $5", errc::template_syntax, "t.env:1:6: "},
                                           Bad{"forgotten_braces", "S=$serial", errc::template_syntax, "t.env:1:3: "},
                                           Bad{"last_dollar", "\n\n$", errc::template_syntax, "t.env:3:1: "},
                                           Bad{"not_closed", "${serial\n}", errc::template_syntax, "t.env:1:1: "},
                                           Bad{"not_closed_at_the_end", "${serial", errc::template_syntax,
                                               "t.env:1:1: "},
                                           Bad{"empty_name", "${}", errc::template_syntax, "t.env:1:1: "}),
                         [](const auto& row) { return row.param.name; });
TEST_P(Refuses, text_and_says_where) {
  const auto rendered = render_template(GetParam().text, fields, "t.env");
  ASSERT_FALSE(rendered);
  EXPECT_EQ(rendered.error().code, GetParam().code);
  EXPECT_THAT(rendered.error().detail, ::testing::StartsWith(GetParam().place));
}

TEST(Template, unknown_field_names_those_there_are) {
  EXPECT_THAT(render_template("${x}", fields, "t").error().detail, ::testing::HasSubstr("mac.0, serial, wi-fi key"));
}

TEST(Template, fields_are_listed_once_in_order) {
  EXPECT_THAT(template_fields("${b} $$ ${a} ${b}", "t").value(), ::testing::ElementsAre("b", "a"));
  EXPECT_EQ(template_fields("${b", "t").error().code, errc::template_syntax);
}

}  // namespace
}  // namespace flashline::imaging
