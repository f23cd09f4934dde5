#pragma once
// Where the wizard hears of ports: the machine, or a list.

#include <chrono>
#include <filesystem>
#include <memory>
#include <vector>

#include "imaging/core/error.h"
#include "transport/discovery/usb_ports.h"

namespace flashline::line {

class PortSource {
 public:
  virtual ~PortSource() = default;
  /// What was plugged in since the last call.
  virtual std::vector<transport::UsbPort> arrived() = 0;
  /// Nothing will come any more.
  virtual bool ended() const { return false; }
  /// How long to wait between two calls.
  virtual std::chrono::milliseconds pace() const = 0;
};

/// What is plugged into this machine from now on.
std::unique_ptr<PortSource> watch_ports(transport::Machine machine);

/// A file with the name of a port in each line, one after the other as if something was plugged in there; empty lines
/// and those that begin with '#' say nothing. Errors: config_open, port_path.
Result<std::unique_ptr<PortSource>> list_of_ports(const std::filesystem::path& file);

}  // namespace flashline::line
