#pragma once
// The table of faults: on which way, at which moment, what the board does, and how that ends.

#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "flasher/board/boot_shelf.h"
#include "station-config/board_profile.h"
#include "tests/fakes/scripted_sink.h"
#include "tests/lab/emulators/emulated_host.h"

namespace flashline::line::tests {

using flashline::tests::ScriptedSink;
using flashline::tests::SinkScript;

inline constexpr std::uint64_t storage_size = 2_MiB;  ///< of each board

/// One board as it will be: its stages in their order, what power brings back, and its storage.
struct Board {
  std::deque<lab::EmulatedHost::MakeStage> stages{};
  std::optional<std::deque<lab::EmulatedHost::MakeStage>> after_power{};  ///< nothing: the same stages again
  std::function<lab::Bytes()> medium{};
  std::shared_ptr<ScriptedSink> disk{};  ///< where its storage is a disk: the kernel's part is played by a sink
};

/// What the station has for boards of one kind.
struct Path {
  config::BoardProfile profile{};
  std::vector<StageFiles> files{};
};

using Spoil = std::function<void(Board&)>;
using Prepare = std::function<Status(Path&, const std::filesystem::path& folder)>;

enum class Way : std::uint8_t { gadget, disk, sdp, sdps, sahara, card };

struct WayFacts {
  std::string_view title;
  std::string_view profile;  ///< empty: a card, which needs no way
};
WayFacts facts_of(Way way);

struct Cell {
  Way way;
  std::string_view moment;
  std::string_view fault;
  /// "passes", "passes after ...", or the code that the slot fails with.
  std::string_view expected;
  Spoil spoil{};
  Prepare prepare{};  ///< before any board comes: what the station is given
};

/// Storage that is a disk whose calls go wrong as `script` says.
Spoil medium(SinkScript script);

/// All of it.
std::vector<Cell> cells();

}  // namespace flashline::line::tests
