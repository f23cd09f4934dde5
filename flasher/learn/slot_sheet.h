#pragma once
// The sheet of labels that hangs on a rack.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "station-config/station.h"

namespace flashline::line {

struct SlotLabel {
  std::string name;
  std::uint32_t row = 1;
  std::uint32_t column = 1;
  std::string target;  ///< port or path
  std::string board;   ///< empty: none
};

std::vector<SlotLabel> labels_of(const config::Station& station);

/// A page of HTML for A4, the slots where they are in the rack. Needs nothing but itself.
std::string slot_sheet(std::string_view station, const std::vector<SlotLabel>& slots);

}  // namespace flashline::line
