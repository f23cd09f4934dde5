#pragma once
// Takes the power from a socket and gives it back, through the kernel's own switch for hub ports: it keeps the hub's
// driver informed, which a request past it would not.

#include "imaging/core/error.h"
#include "transport/block/inspect_target.h"
#include "transport/discovery/port_path.h"

namespace flashline::transport {

/// Both sides of a SuperSpeed socket are switched. That the kernel switched the port does not mean that the hub has a
/// switch: many take the data away and leave the power on; a board that goes on running tells. Blocks while the kernel
/// disconnects what is there. Errors: port_power (no such port, a kernel before 6.0, or it refuses).
Status switch_port(const PortPath& port, bool on, const Machine& machine = {});

}  // namespace flashline::transport
