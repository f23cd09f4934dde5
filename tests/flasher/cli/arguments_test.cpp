#include "flasher/cli/arguments.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "flasher/cli/command.h"
#include "flasher/cli/help.h"
#include "imaging/core/errors/usage.h"
#include "imaging/core/nearest.h"

namespace flashline::line {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const Command& copy_command() {
  static const Command command{.name = "image copy",
                               .operands = "FROM TO",
                               .min_operands = 1,
                               .max_operands = 2,
                               .summary = "Copies an image",
                               .options = {{"--trust", "CERT.pem", "whom to trust", true},
                                           {"--size", "BYTES", "how long"},
                                           {"--fast", "", "hurry"}},
                               .examples = {"flashline image copy a b --fast"},
                               .run = nullptr};
  return command;
}

TEST(Arguments, SortsWordsIntoOptionsAndOperands) {
  const auto arguments =
      parse_arguments(copy_command(), {"a", "--trust", "x.pem", "--trust=y.pem", "--fast", "--size=1MiB", "--", "--b"});
  ASSERT_TRUE(arguments) << to_text(arguments.error());
  EXPECT_THAT(arguments->operands(), ElementsAre("a", "--b"));
  EXPECT_THAT(arguments->values("--trust"), ElementsAre("x.pem", "y.pem"));
  EXPECT_TRUE(arguments->has("--fast"));
  EXPECT_EQ(**arguments->size("--size"), 1024U * 1024U);
  EXPECT_FALSE(arguments->has("--slow"));
  EXPECT_EQ(arguments->value("--slow"), std::nullopt);
}

TEST(Arguments, TakesALoneDashAsOperand) {
  EXPECT_THAT(parse_arguments(copy_command(), {"-"})->operands(), ElementsAre("-"));
}

struct BadCase {
  const char* name;
  std::vector<std::string> words;
  const char* says;
};

class BadArguments : public ::testing::TestWithParam<BadCase> {};

TEST_P(BadArguments, AreAUsageError) {
  const auto arguments = parse_arguments(copy_command(), GetParam().words);
  ASSERT_FALSE(arguments.has_value());
  EXPECT_EQ(arguments.error().code, errc::usage);
  EXPECT_THAT(arguments.error().detail, HasSubstr(GetParam().says));
}

INSTANTIATE_TEST_SUITE_P(
    Cli, BadArguments,
    ::testing::Values(BadCase{"unknown", {"a", "--nonsense"}, "unknown option --nonsense"},
                      BadCase{"misspelled", {"a", "--trsut", "x"}, "did you mean --trust?"},
                      BadCase{"misspelled_with_value", {"a", "--sise=3"}, "did you mean --size?"},
                      BadCase{"short", {"a", "-f"}, "unknown option -f"},
                      BadCase{"value_missing", {"a", "--size"}, "--size needs a value: --size BYTES"},
                      BadCase{"value_for_a_flag", {"a", "--fast=yes"}, "--fast takes no value"},
                      BadCase{"given_twice", {"a", "--size", "1", "--size", "2"}, "--size is given twice"},
                      BadCase{"too_few", {}, "needs FROM TO"},
                      BadCase{"too_many", {"a", "b", "c"}, "'c' is one word too many"}),
    [](const auto& row) { return row.param.name; });

TEST(Arguments, RefusesWhatIsNoSize) {
  for (const char* text : {"", "-1", "1XB", "12345678901234567890123", "0x10"}) {
    const auto arguments = parse_arguments(copy_command(), {"a", std::string{"--size="} + text});
    EXPECT_FALSE(arguments->size("--size").has_value()) << text;
    EXPECT_FALSE(arguments->number("--size").has_value()) << text;
  }
}

TEST(Nearest, FindsMisspellingsOnly) {
  const std::vector<std::string_view> known{"image info", "image import", "flash"};
  EXPECT_EQ(nearest("image inof", known), "image info");
  EXPECT_EQ(nearest("flsh", known), "flash");
  EXPECT_EQ(nearest("records", known), std::nullopt);
}

TEST(Help, NamesEveryOptionAndExample) {
  const std::string help = help_of(copy_command());
  for (const char* text : {"image copy FROM TO", "--trust CERT.pem", "(repeatable)", "--size BYTES", "--fast", "--json",
                           "--help", "flashline image copy a b --fast", "Exit codes"}) {
    EXPECT_THAT(help, HasSubstr(text));
  }
}

}  // namespace
}  // namespace flashline::line
