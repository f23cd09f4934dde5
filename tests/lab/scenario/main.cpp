// flashline-lab SCENARIO FOLDER: plays a scenario inside the virtual line; `flashline lab run` starts the line around
// it. Writes FOLDER/outcome.json and FOLDER/outcome.html. Exit code 0: all as expected, 1: not, 2: usage, 6: no valid
// scenario.

#include <cstdio>
#include <fstream>
#include <spdlog/fmt/fmt.h>

#include "tests/lab/scenario/play.h"

namespace {

void print(const flashline::lab::ScenarioOutcome& outcome) {
  for (const auto& card : outcome.cards) {
    fmt::print("{}  slot {:12} expected {:22} got {:22} {}{}\n", card.as_expected ? "ok " : "NOT", card.slot,
               card.expected, card.actual, card.compared, card.as_expected ? "" : " " + card.detail);
  }
  if (!outcome.trouble.empty()) fmt::print("trouble: {}\n", outcome.trouble);
  fmt::print("{}: {} in {:.1f} s\n", outcome.name, outcome.as_expected() ? "as expected" : "NOT as expected",
             outcome.seconds);
}

}  // namespace

int main(int count, char** words) {
  if (count != 3) {
    fmt::print(
        stderr,
        "usage: flashline-lab SCENARIO.xml FOLDER   (inside the virtual line: flashline lab run SCENARIO.xml)\n");
    return 2;
  }
  const auto scenario = flashline::lab::read_scenario(words[1]);
  if (!scenario) {
    fmt::print(stderr, "{}\n", to_text(scenario.error()));
    return flashline::exit_code_of(scenario.error().code);
  }
  const std::filesystem::path folder = std::filesystem::absolute(words[2]);
  const std::filesystem::path programs = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  const char* const others = std::getenv("FLASHLINE_LAB_PROGRAMS");
  const auto outcome = flashline::lab::play(*scenario, {folder, others != nullptr ? others : programs});
  std::ofstream{folder / "outcome.json"} << outcome_json(outcome) << '\n';
  std::ofstream{folder / "outcome.html"} << outcome_html(outcome);
  print(outcome);
  return outcome.as_expected() ? 0 : 1;
}
