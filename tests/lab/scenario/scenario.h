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

/// gone: it was pulled out, its slot is empty, its unit waits for it.
enum class End : std::uint8_t { passed, failed, gone };

/// A slot of the station, the storage that comes into it, and how its unit is expected to end.
struct SlotPlan {
  std::string name{};
  std::uint64_t size = 0;
  End end = End::passed;
  std::string error{};  ///< code that a failed one ends with; empty: any
};

/// One card slot of a reader.
struct CardPlan {
  SlotPlan slot{};
  bool write_protected = false;
  MediumFault fault{};
};

/// A hand that pulls something out.
struct PullPlan {
  std::string stage{};                                    ///< of a board, as its profile calls it; empty: the last one
  std::uint64_t after_bytes = 0;                          ///< written to its cards, or sent to it in that stage
  std::optional<std::chrono::milliseconds> back_after{};  ///< on the same socket; nothing: it stays away
};

/// What is in a socket, and how fast.
struct SocketPlan {
  unsigned socket = 0;
  std::string serial{};
  std::uint64_t write_rate = 0;  ///< bytes a second; 0: as fast as they come
  std::uint64_t read_rate = 0;
  std::chrono::milliseconds plugged_after{};  ///< the batch began
  std::optional<PullPlan> pull{};
};

/// A card reader, a stick, or a board that shows its storage.
struct ReaderPlan {
  SocketPlan at{};
  transport::UsbSpeed speed = transport::UsbSpeed::high;
  std::vector<CardPlan> cards{};
};

/// A board that comes up from its boot ROM.
struct BoardPlan {
  SocketPlan at{};
  SlotPlan slot{};
  std::string profile{};  ///< what the station believes to be there
  std::string really{};   ///< profile of what is there
  bool next = false;      ///< when its unit has ended, a good one of the slot's profile takes its place, and passes
};

/// An image that is made for the scenario, unless a file is named.
struct ImagePlan {
  std::filesystem::path file{};  ///< absolute; empty: made
  std::uint64_t size = 0;
  std::uint64_t data = 0;  ///< so much of it is not zero
  std::string platform{};  ///< that it says to be for
};

struct Scenario {
  std::string name{};
  std::chrono::milliseconds limit{180000};  ///< from the batch on
  std::uint64_t bus_rate = 0;               ///< bytes a second that all boards share; 0: no limit
  unsigned attempts = 2;
  ImagePlan image{};
  std::vector<ReaderPlan> readers{};
  std::vector<BoardPlan> boards{};
};

/// Errors: those of parse_xml and the config_... of station-config, each with file, line and column.
Result<Scenario> parse_scenario(std::string_view xml, const std::filesystem::path& file);
Result<Scenario> read_scenario(const std::filesystem::path& file);

}  // namespace flashline::lab
