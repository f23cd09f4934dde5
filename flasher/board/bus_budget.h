#pragma once
// What the slots of a station ask of its USB controllers when all of them have a board, against what such a controller
// usually can. Known before a board is there, from the ports alone.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "imaging/core/error.h"
#include "station-config/station.h"

namespace flashline::line {

/// What can be counted on. Controllers do not tell /sys what they have: these are the small ones.
struct BusLimits {
  unsigned devices = 32;             ///< hubs among them
  unsigned endpoints = 64;           ///< in use at once; those for control among them
  std::uint64_t rate = 40'000'000;   ///< bytes a second of everything behind one root port, at high speed
  std::uint64_t board = 20'000'000;  ///< bytes a second that a board or card usually takes
};

struct ControllerBudget {
  std::string controller;
  unsigned slots = 0;
  unsigned devices = 0;                          ///< boards, readers and the hubs between
  unsigned endpoints = 0;                        ///< with each board in its worst stage
  std::map<std::uint8_t, unsigned> behind_port;  ///< slots by root port: these share a rate

  bool operator==(const ControllerBudget&) const = default;
};

/// In the order of the controllers' names. Needs load_boards() to have been called; slots on no port do not count.
std::vector<ControllerBudget> bus_budget(const config::Station& station);

/// "pci-0000:00:14.0: 8 slots, 10 of 32 devices, ...".
std::string to_text(const ControllerBudget& budget, const BusLimits& limits = {});

/// What may not go well: usb_devices, usb_bandwidth.
std::vector<Error> over_budget(const ControllerBudget& budget, const BusLimits& limits = {});

}  // namespace flashline::line
