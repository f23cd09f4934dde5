#include "flasher/record/rows.h"

#include <array>
#include <cstddef>
#include <ctime>
#include <spdlog/fmt/fmt.h>

namespace flashline::line {
namespace {

using namespace std::string_view_literals;

// In the order of the enumerators.
constexpr std::array batch_names{"running"sv, "paused"sv, "closed"sv, "done"sv};
constexpr std::array unit_names{"reserved"sv, "committed"sv, "voided"sv};
constexpr std::array attempt_names{"running"sv, "passed"sv, "failed"sv, "interrupted"sv};

template <class State, std::size_t N>
bool find_in(const std::array<std::string_view, N>& names, std::string_view name, State& state) {
  for (std::size_t i = 0; i < N; ++i) {
    if (names[i] != name) continue;
    state = static_cast<State>(i);
    return true;
  }
  return false;
}

}  // namespace

std::string_view name_of(BatchState state) { return batch_names[static_cast<std::size_t>(state)]; }
std::string_view name_of(UnitState state) { return unit_names[static_cast<std::size_t>(state)]; }
std::string_view name_of(AttemptState state) { return attempt_names[static_cast<std::size_t>(state)]; }
bool find_state(std::string_view name, BatchState& state) { return find_in(batch_names, name, state); }
bool find_state(std::string_view name, UnitState& state) { return find_in(unit_names, name, state); }
bool find_state(std::string_view name, AttemptState& state) { return find_in(attempt_names, name, state); }

std::string to_iso8601(std::chrono::system_clock::time_point at) {
  const auto millis = std::chrono::floor<std::chrono::milliseconds>(at.time_since_epoch()).count();
  const std::time_t seconds = static_cast<std::time_t>(millis / 1000);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", parts.tm_year + 1900, parts.tm_mon + 1,
                     parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, millis % 1000);
}

}  // namespace flashline::line
