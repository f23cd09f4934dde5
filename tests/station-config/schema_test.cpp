// xmllint as an independent judge: the shipped schemas and the parsers accept and refuse the same files.

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <map>
#include <memory>
#include <unistd.h>

#include "station-config/board_profile.h"
#include "station-config/recipe.h"
#include "station-config/station.h"
#include "tests/station-config/mistakes.h"

namespace flashline::config {
namespace {

namespace fs = std::filesystem;

std::string output_of(const std::string& command) {
  struct ClosePipe {
    void operator()(std::FILE* pipe) const { ::pclose(pipe); }
  };
  const std::unique_ptr<std::FILE, ClosePipe> pipe{::popen(command.c_str(), "r")};
  std::string output;
  std::array<char, 4096> piece;
  while (const std::size_t count = std::fread(piece.data(), 1, piece.size(), pipe.get()))
    output.append(piece.data(), count);
  return output;
}

class SchemaJudge : public ::testing::TestWithParam<std::string> {
 protected:
  SchemaJudge() : folder_{fs::path{::testing::TempDir()} / ("schema-" + GetParam() + std::to_string(::getpid()))} {
    fs::create_directories(folder_);
  }
  ~SchemaJudge() override { fs::remove_all(folder_); }

  void add(std::string_view name, const std::string& text) { std::ofstream{folder_ / name, std::ios::binary} << text; }

  /// One run over all files, since a process a row would be slow: "NAME validates" for each that passes.
  std::string judge() const {
    return output_of("cd '" + folder_.string() +
                     "' && xmllint --noout --nonet --schema '" FLASHLINE_SOURCE_DIR "/station-config/" + GetParam() +
                     ".xsd' *.xml 2>&1");
  }

  bool parses(const std::string& text) const {
    if (GetParam() == "board") return parse_board(text, "x.xml", "boards").has_value();
    return GetParam() == "station" ? parse_station(text, "x.xml").has_value() : parse_recipe(text, "x.xml").has_value();
  }

 private:
  fs::path folder_;
};

TEST_P(SchemaJudge, agrees_with_the_parser) {
  const auto& rows = GetParam() == "station" ? station_mistakes()
                     : GetParam() == "board" ? board_mistakes()
                                             : recipe_mistakes();
  const std::string good = golden_config(GetParam() + ".xml");
  const std::string smallest = golden_config(GetParam() + "-smallest.xml");
  ASSERT_TRUE(parses(good) && parses(smallest));
  add("good.xml", good);
  add("smallest.xml", smallest);
  for (const Mistake& row : rows) add(std::string{row.name} + ".bad.xml", with_mistake(good, row));
  const std::string verdicts = "\n" + judge();
  EXPECT_THAT(verdicts, ::testing::HasSubstr("\ngood.xml validates\n"));
  EXPECT_THAT(verdicts, ::testing::HasSubstr("\nsmallest.xml validates\n"));
  for (const Mistake& row : rows) {
    const bool valid = verdicts.find("\n" + std::string{row.name} + ".bad.xml validates\n") != std::string::npos;
    EXPECT_EQ(valid, row.schema == Schema::cannot_say) << row.name << "\n";
  }
}

class ShippedBoards : public SchemaJudge {};

TEST_P(ShippedBoards, are_valid) {
  for (const ShippedBoard& board : shipped_boards()) add(std::string{board.name} + ".xml", std::string{board.xml});
  const std::string verdicts = "\n" + judge();
  for (const ShippedBoard& board : shipped_boards()) {
    EXPECT_THAT(verdicts, ::testing::HasSubstr("\n" + std::string{board.name} + ".xml validates\n"));
  }
}

INSTANTIATE_TEST_SUITE_P(Files, ShippedBoards, ::testing::Values("board"), [](const auto& row) { return row.param; });

INSTANTIATE_TEST_SUITE_P(Files, SchemaJudge, ::testing::Values("station", "recipe", "board"),
                         [](const auto& row) { return row.param; });

}  // namespace
}  // namespace flashline::config
