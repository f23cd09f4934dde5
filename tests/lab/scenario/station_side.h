#pragma once
// The station as a scenario needs it: set up, started, asked, stopped. It is talked to by its own command line only.

#include <expected>
#include <filesystem>
#include <string>
#include <sys/types.h>
#include <vector>

namespace flashline::lab {

struct StationSlot {
  std::string name;
  std::string node{};   ///< in /dev; empty: the slot is a port
  std::string port{};   ///< text of its path
  std::string board{};  ///< profile of what comes in there
};

/// What a slot is at.
struct SlotState {
  std::string name{};
  std::string state{};
  std::string serial{};
  std::string error{};  ///< code; empty: none
  std::string detail{};
  double progress = 0;  ///< 0 to 1

  bool ended() const { return state == "passed" || state == "failed"; }
};

class StationSide {
 public:
  StationSide(std::filesystem::path folder, std::filesystem::path programs)
      : folder_{std::move(folder)}, programs_{std::move(programs)} {}
  ~StationSide();
  StationSide(const StationSide&) = delete;
  StationSide& operator=(const StationSide&) = delete;

  /// Where its own profiles and the boot files of boards are.
  std::filesystem::path boards_folder() const { return folder_ / "boards"; }

  /// Empty when it listens; else what went wrong.
  std::string start(const std::vector<StationSlot>& slots, unsigned attempts);
  /// `flashline WORDS...`: its standard output, or what it said when it failed. `at`: the moment, UTC, that it shall
  /// believe in.
  std::expected<std::string, std::string> flashline(std::vector<std::string> words, const std::string& at = {}) const;
  std::expected<std::vector<SlotState>, std::string> slots() const;

 private:
  std::filesystem::path folder_;
  std::filesystem::path programs_;
  pid_t child_ = 0;
};

}  // namespace flashline::lab
