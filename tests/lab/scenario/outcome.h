#pragma once
// What became of a scenario: for each card slot what was expected and what happened, and what happened when.

#include <chrono>
#include <string>
#include <vector>

#include "tests/lab/scenario/scenario.h"

namespace flashline::lab {

struct CardOutcome {
  std::string slot{};
  std::string expected{};  ///< "passed", "failed FL-DEV-003"
  std::string actual{};    ///< the same, or "written 42 %" and the like when the time was over
  std::string serial{};    ///< of the unit
  std::string compared{};  ///< of a card that passed: "every byte", or what differs; else empty
  std::string detail{};    ///< of an error
  double seconds = 0;      ///< from the beginning of the batch to the end of its unit
  bool as_expected = false;
};

struct ScenarioEvent {
  double at = 0;  ///< seconds since the batch began
  std::string what;
};

struct ScenarioOutcome {
  std::string name;
  std::vector<CardOutcome> cards;
  std::vector<ScenarioEvent> events;
  double seconds = 0;
  std::string trouble;  ///< the scenario itself could not be played

  bool as_expected() const;
};

/// The qualification report, for programs and for people.
std::string outcome_json(const ScenarioOutcome& outcome);
std::string outcome_html(const ScenarioOutcome& outcome);

}  // namespace flashline::lab
