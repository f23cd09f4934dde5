#pragma once
// Plays a scenario inside the virtual line: the boards here, a real flashlined in its own process.

#include <filesystem>

#include "tests/lab/scenario/outcome.h"

namespace flashline::lab {

struct PlayOptions {
  std::filesystem::path folder;    ///< everything goes there: the station's files, what was on the cards
  std::filesystem::path programs;  ///< where flashline and flashlined are
};

ScenarioOutcome play(const Scenario& scenario, const PlayOptions& options);

}  // namespace flashline::lab
