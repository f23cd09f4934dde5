#pragma once
// udev's rules for the ports of a station: everybody else keeps off what is in a slot.

#include <string>

#include "station-config/station.h"
#include "transport/block/inspect_target.h"

namespace flashline::line {

/// The text of a rules file. A SuperSpeed hub's other side is found where the hub is plugged in now.
std::string slot_rules(const config::Station& station, const transport::Machine& machine = {});

}  // namespace flashline::line
