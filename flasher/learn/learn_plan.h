#pragma once
// What of a station.xml is to be learned: which slots, which ports are others', and that their boards exist.

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "flasher/learn/learn_wizard.h"
#include "imaging/core/error.h"

namespace flashline::line {

constexpr std::uint64_t most_learned_slots = 128;
constexpr std::uint64_t most_learned_columns = 99;

struct LearnOrder {
  std::optional<std::uint64_t> slots{};    ///< slots 1 to that; nothing: those of the file
  std::optional<std::uint64_t> columns{};  ///< slots in a row of the rack; nothing: all of them
  std::string board{};                     ///< profile of what is put in; empty: what each slot has already
};

struct LearnPlan {
  std::string xml;  ///< the file as it was
  std::vector<SlotToLearn> slots;
  std::map<transport::PortPath, std::string> taken;  ///< ports of slots that are not asked for, and their names
};

/// Errors: usage (no such rack, or nobody said which board), config_no_board, those of written_slots().
Result<LearnPlan> plan_learning(const std::filesystem::path& file, const LearnOrder& order);

/// Profiles that a slot can name: the shipped ones, and those in `folder`.
std::vector<std::string> board_names(const std::filesystem::path& folder);

}  // namespace flashline::line
