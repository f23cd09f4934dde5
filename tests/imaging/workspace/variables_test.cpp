// $(name) and %NAME%.

#include "imaging/workspace/variables.h"

#include <gtest/gtest.h>

#include "imaging/core/errors/build.h"

namespace flashline::imaging {
namespace {

struct Case {
  const char* name;
  Variables::Style style;
  const char* text;
  const char* expected;  ///< or the code of the error
};

class Expansion : public ::testing::TestWithParam<Case> {};

TEST_P(Expansion, gives_text_or_names_the_mistake) {
  const Case& row = GetParam();
  Variables variables{row.style};
  const bool dollar = row.style == Variables::Style::dollar;
  variables.set("Name", "value");
  variables.set("empty", "");
  variables.set("outer", dollar ? "<$(name)>" : "<%NAME%>");
  variables.set("self", dollar ? "$(SELF)" : "%SELF%");
  variables.set("one", dollar ? "$(two)" : "%two%");
  variables.set("two", dollar ? "$(one)" : "%one%");
  // Each doubles the one before it, of nothing: a bomb that never grows.
  for (int i = 0; i < 30; ++i) {
    const std::string inner = i == 0 ? "empty" : "b" + std::to_string(i - 1);
    variables.set("b" + std::to_string(i),
                  dollar ? "$(" + inner + ")$(" + inner + ")" : "%" + inner + "%%" + inner + "%");
  }
  const auto text = variables.expand(row.text);
  EXPECT_EQ(text ? *text : std::string{code_of(text.error().code)}, row.expected);
}

constexpr auto dollar = Variables::Style::dollar;
constexpr auto percent = Variables::Style::percent;

INSTANTIATE_TEST_SUITE_P(
    Workspace, Expansion,
    ::testing::Values(
        Case{"plain", dollar, "a b", "a b"}, Case{"one_use", dollar, "a$(name)b", "avalueb"},
        Case{"case_blind", dollar, "$(NAME)$(nAmE)", "valuevalue"}, Case{"deep", dollar, "$(outer)", "<value>"},
        Case{"empty_value", dollar, "$(empty)", ""}, Case{"dollar_alone", dollar, "5$ (x) $", "5$ (x) $"},
        Case{"percent_is_text", dollar, "%NAME%", "%NAME%"}, Case{"unknown", dollar, "$(x)", "FL-BLD-005"},
        Case{"no_name", dollar, "$()", "FL-BLD-005"}, Case{"loop", dollar, "$(self)", "FL-BLD-006"},
        Case{"long_loop", dollar, "$(one)", "FL-BLD-006"}, Case{"bomb", dollar, "$(b29)", "FL-BLD-006"},
        Case{"nested", dollar, "$(a$(name))", "FL-BLD-007"}, Case{"unclosed", dollar, "a$(name", "FL-BLD-008"},
        Case{"unclosed_later", dollar, "$(name)$(", "FL-BLD-008"}, Case{"percent_use", percent, "a%name%b", "avalueb"},
        Case{"percent_deep", percent, "%OUTER%", "<value>"}, Case{"percent_unknown", percent, "%x%", "FL-BLD-005"},
        Case{"percent_loop", percent, "%one%", "FL-BLD-006"}, Case{"percent_bomb", percent, "%b29%", "FL-BLD-006"},
        Case{"percent_alone", percent, "100% sure", "100% sure"},
        Case{"device_expands", percent, "iot-%RAND:7%", "iot-%RAND:7%"},
        Case{"dollar_is_text", percent, "$(name)", "$(name)"}),
    [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace flashline::imaging
