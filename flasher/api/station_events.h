#pragma once
// What goes out to the WebSocket listeners.

#include "flasher/api/event_hub.h"
#include "flasher/slot/line_events.h"
#include "flasher/slot/station_ports.h"

namespace flashline::line {

/// SlotEvent, BatchEvent or RecordEvent of openapi.yaml. Only the newest of a slot, and of the batch, matters to a
/// listener that lags; records are never dropped.
void publish(EventHub& hub, const LineEvent& event);
/// PortsEvent: only the newest list matters.
void publish(EventHub& hub, const std::vector<PortView>& ports);

}  // namespace flashline::line
