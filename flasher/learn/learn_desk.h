#pragma once
// The wizard where many may look at it and none stays: the station keeps it, so that a page which is loaded anew goes
// on where it was.

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "flasher/learn/learn_plan.h"
#include "flasher/learn/learn_wizard.h"
#include "flasher/learn/port_source.h"
#include "flasher/learn/slot_sheet.h"
#include "imaging/core/error.h"
#include "transport/block/inspect_target.h"

namespace flashline::line {

enum class LearnState : std::uint8_t {
  idle,     ///< nobody learns
  asking,   ///< a slot waits for something to be plugged in
  ready,    ///< all were asked for: the map can be written
  written,  ///< it is in station.xml
};
/// "idle", "asking", "ready", "written".
std::string_view name_of(LearnState state);

struct LearnView {
  struct Slot {
    std::string name;
    std::uint32_t row = 1;
    std::uint32_t column = 1;
    std::string board;
    std::string port;    ///< empty: none yet
    bool asked = false;  ///< the one that is waited for

    bool operator==(const Slot&) const = default;
  };

  LearnState state = LearnState::idle;
  std::string prompt{};  ///< what to do now
  std::string said{};    ///< about what was plugged in last
  std::vector<Slot> slots{};
};

/// All of it blocks, and may be called from any thread.
class LearnDesk {
 public:
  /// `pace`: ports are looked at once in so long, however often somebody asks; what is seen in two looks is there.
  LearnDesk(std::filesystem::path file, transport::Machine machine,
            std::chrono::milliseconds pace = std::chrono::milliseconds{250})
      : file_{std::move(file)}, machine_{std::move(machine)}, pace_{pace} {}

  /// Begins, whatever was before. Errors: those of plan_learning().
  Result<LearnView> start(const LearnOrder& order);
  /// How far it is. While it asks, the ports are looked at.
  LearnView look();
  /// The slot stays without a port. Errors: learn_closed (nobody learns).
  Result<LearnView> skip();
  /// To the slot before. Errors: learn_closed.
  Result<LearnView> back();
  /// Forgets everything; the file is as it was, unless the map was written.
  LearnView cancel();
  /// Writes the map, as `flashline station learn` does. Errors: learn_closed (not all were asked for),
  /// config_nothing_learned, those of with_ports() and replace_file().
  Result<LearnView> write();

  /// Somebody is in the middle of it.
  bool busy() const;
  /// Labels of the slots as they would be; nothing: nobody learns. Errors: those of with_ports().
  Result<std::optional<std::string>> sheet() const;

 private:
  struct Work {
    LearnPlan plan;
    LearnWizard wizard;
    std::unique_ptr<PortSource> source;
    std::chrono::steady_clock::time_point looked;
    std::string said{};
    std::optional<std::string> written{};  ///< the text that is in the file now
  };

  LearnState state() const;
  LearnView view() const;
  Result<std::string> text() const;

  std::filesystem::path file_;
  transport::Machine machine_;
  std::chrono::milliseconds pace_;
  mutable std::mutex mutex_;
  std::optional<Work> work_;
};

}  // namespace flashline::line
