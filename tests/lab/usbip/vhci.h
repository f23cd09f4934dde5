#pragma once
// The kernel's virtual USB controllers, and their ports as a scenario names them.

#include <filesystem>
#include <string>

#include "imaging/core/error.h"
#include "transport/discovery/port_path.h"
#include "transport/usb/usb_facts.h"

namespace flashline::lab {

/// Controllers of vhci-hcd, each with so many USB 2 and as many USB 3 sockets.
constexpr unsigned vhci_controllers = 8;
constexpr unsigned vhci_sockets = 15;

/// Socket `number` from 0 on, `vhci_controllers * vhci_sockets` in all: "platform-vhci_hcd.1/3".
transport::PortPath vhci_port(unsigned number);

/// Plugs in what speaks on the other end of `socket`, which is closed here. Waits until the kernel is done with what
/// was there before. Errors: usb_busy.
Status vhci_attach(unsigned number, int socket, transport::UsbSpeed speed);

}  // namespace flashline::lab
