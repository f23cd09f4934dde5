#pragma once
// A scenario file: which boards are in which sockets of the virtual line, what goes wrong with them and when, and how
// each is expected to end. scenario.xsd says the same.

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "imaging/core/error.h"
#include "tests/lab/emulators/medium.h"
#include "transport/usb/usb_facts.h"

namespace flashline::lab {

/// One card slot of a reader: a slot of the station.
struct CardPlan {
  std::string name{};  ///< the slot's
  std::uint64_t size = 0;
  bool write_protected = false;
  MediumFault fault{};
  bool passes = true;   ///< what is expected of it
  std::string error{};  ///< code that a failed one ends with; empty: any
};

/// A hand that pulls the board out.
struct PullPlan {
  std::uint64_t after_bytes = 0;                          ///< written to its cards
  std::optional<std::chrono::milliseconds> back_after{};  ///< on the same socket; nothing: it stays away
};

/// A card reader, a stick, or a board that shows its storage.
struct BoardPlan {
  unsigned socket = 0;
  std::string serial{};
  transport::UsbSpeed speed = transport::UsbSpeed::high;
  std::uint64_t write_rate = 0;  ///< bytes a second; 0: as fast as they come
  std::uint64_t read_rate = 0;
  std::chrono::milliseconds plugged_after{};  ///< the batch began
  std::optional<PullPlan> pull{};
  std::vector<CardPlan> cards{};
};

/// An image that is made for the scenario, unless a file is named.
struct ImagePlan {
  std::filesystem::path file{};  ///< absolute; empty: made
  std::uint64_t size = 0;
  std::uint64_t data = 0;  ///< so much of it is not zero
};

struct Scenario {
  std::string name{};
  std::chrono::milliseconds limit{180000};  ///< from the batch on
  std::uint64_t bus_rate = 0;               ///< bytes a second that all boards share; 0: no limit
  unsigned attempts = 2;
  ImagePlan image{};
  std::vector<BoardPlan> boards{};
};

/// Errors: those of parse_xml and the config_... of station-config, each with file, line and column.
Result<Scenario> parse_scenario(std::string_view xml, const std::filesystem::path& file);
Result<Scenario> read_scenario(const std::filesystem::path& file);

}  // namespace flashline::lab
