#include "station-config/recipe.h"

#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <unistd.h>

#include "imaging/core/errors/config.h"
#include "tests/station-config/mistakes.h"

namespace flashline::config {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

const std::filesystem::path file = "/srv/line/recipe.xml";

class RecipeMistake : public ::testing::TestWithParam<Mistake> {};

TEST_P(RecipeMistake, is_refused_at_its_place) {
  const Mistake& row = GetParam();
  const std::string text = with_mistake(golden_config("recipe.xml"), row);
  ASSERT_FALSE(text.empty()) << "the golden file has no " << row.from;
  const auto recipe = parse_recipe(text, file);
  ASSERT_FALSE(recipe.has_value());
  EXPECT_EQ(code_of(recipe.error().code), code_of(row.code)) << recipe.error().detail;
  EXPECT_THAT(recipe.error().detail, StartsWith(file.string() + ":" + std::string{row.where} + ": "));
  EXPECT_THAT(recipe.error().detail, HasSubstr(std::string{row.hint}));
}

INSTANTIATE_TEST_SUITE_P(Recipe, RecipeMistake, ::testing::ValuesIn(recipe_mistakes()),
                         [](const auto& row) { return std::string{row.param.name}; });

TEST(Recipe, golden_file_gives_every_value) {
  const auto recipe = parse_recipe(golden_config("recipe.xml"), file);
  ASSERT_TRUE(recipe.has_value()) << recipe.error().detail;
  EXPECT_EQ(recipe->name, "panel");
  ASSERT_TRUE(recipe->serial.has_value());
  EXPECT_EQ(recipe->serial->pattern, "FL-{n:6}{c}");
  EXPECT_EQ(recipe->serial->first, 42U);
  EXPECT_EQ(recipe->serial->check, CheckDigit::luhn);
  using enum PatternPart::Kind;
  EXPECT_THAT(recipe->serial->parts, ::testing::ElementsAre(PatternPart{literal, "FL-", 0}, PatternPart{counter, "", 6},
                                                            PatternPart{check_digit, "", 0}));
  ASSERT_TRUE(recipe->macs.has_value());
  EXPECT_EQ(recipe->macs->first, 0x02005E100000U);
  EXPECT_EQ(recipe->macs->last, 0x02005E10FFFFU);
  EXPECT_EQ(recipe->macs->count, 2U);
  EXPECT_EQ(recipe->hostname, "panel-${serial}");
  EXPECT_EQ(recipe->write.stale, StalePolicy::keep);
  EXPECT_EQ(recipe->write.verify, true);
  EXPECT_EQ(recipe->write.fit_gpt, false);
}

TEST(Recipe, overlay_files_keep_their_text_exactly) {
  const auto recipe = parse_recipe(golden_config("recipe.xml"), file);
  ASSERT_TRUE(recipe.has_value());
  ASSERT_EQ(recipe->overlay.size(), 2U);
  EXPECT_EQ(recipe->overlay[0].partition, "ESP");
  EXPECT_EQ(recipe->overlay[0].path, "/flashline/identity.env");
  EXPECT_EQ(recipe->overlay[0].text, "SERIAL=${serial}\nMAC0=${mac.0}\n");
  EXPECT_EQ(recipe->overlay[0].where, "/srv/line/recipe.xml:9:6");
  EXPECT_EQ(recipe->overlay[1].template_file, "/srv/line/network.conf.in");
  EXPECT_EQ(recipe->overlay[1].text, "");
  const auto spaced = parse_recipe(
      "<recipe name='r'><overlay><file partition='1' path='/a'>\n a<!-- c -->\n\n<!-- d --> "
      "&lt;<![CDATA[<&]]></file></overlay></recipe>",
      file);
  ASSERT_TRUE(spaced.has_value()) << spaced.error().detail;
  EXPECT_EQ(spaced->overlay[0].text, "\n a\n\n <<&");
}

TEST(Recipe, template_files_are_read_beside_the_recipe) {
  const std::filesystem::path folder =
      std::filesystem::path{::testing::TempDir()} / ("recipe-" + std::to_string(::getpid()));
  std::filesystem::create_directories(folder);
  std::ofstream{folder / "recipe.xml"} << golden_config("recipe.xml");
  const auto missing = load_recipe(folder / "recipe.xml");
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().code, errc::config_template);
  EXPECT_THAT(missing.error().detail, HasSubstr("recipe.xml:10:6: "));
  std::ofstream{folder / "network.conf.in"} << "host=${hostname}\n";
  const auto recipe = load_recipe(folder / "recipe.xml");
  ASSERT_TRUE(recipe.has_value()) << recipe.error().detail;
  EXPECT_EQ(recipe->overlay[1].text, "host=${hostname}\n");
  std::filesystem::remove_all(folder);
}

TEST(Recipe, smallest_needs_only_a_name) {
  const auto recipe = parse_recipe(golden_config("recipe-smallest.xml"), file);
  ASSERT_TRUE(recipe.has_value());
  EXPECT_FALSE(recipe->serial.has_value());
  EXPECT_FALSE(recipe->write.verify.has_value());
}

}  // namespace
}  // namespace flashline::config
