#include "flasher/learn/port_source.h"

#include <deque>
#include <sstream>
#include <utility>

#include "flasher/learn/learn_wizard.h"
#include "flasher/learn/slot_edit.h"

namespace flashline::line {
namespace {

using transport::UsbPort;

class WatchedPorts final : public PortSource {
 public:
  explicit WatchedPorts(transport::Machine machine)
      : machine_{std::move(machine)}, arrivals_{transport::list_usb_ports(machine_)} {}

  std::vector<UsbPort> arrived() override { return arrivals_.look(transport::list_usb_ports(machine_)); }
  std::chrono::milliseconds pace() const override { return std::chrono::milliseconds{250}; }

 private:
  transport::Machine machine_;
  Arrivals arrivals_;
};

class ListedPorts final : public PortSource {
 public:
  explicit ListedPorts(std::deque<UsbPort> ports) : ports_{std::move(ports)} {}

  std::vector<UsbPort> arrived() override {
    if (ports_.empty()) return {};
    std::vector<UsbPort> one{std::move(ports_.front())};
    ports_.pop_front();
    return one;
  }
  bool ended() const override { return ports_.empty(); }
  std::chrono::milliseconds pace() const override { return std::chrono::milliseconds{0}; }

 private:
  std::deque<UsbPort> ports_;
};

}  // namespace

std::unique_ptr<PortSource> watch_ports(transport::Machine machine) {
  return std::make_unique<WatchedPorts>(std::move(machine));
}

Result<std::unique_ptr<PortSource>> list_of_ports(const std::filesystem::path& file) {
  FL_TRY(const std::string text, whole_file(file));
  std::deque<UsbPort> ports;
  std::istringstream lines{text};
  for (std::string line; std::getline(lines, line);) {
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.pop_back();
    if (line.empty() || line.front() == '#') continue;
    UsbPort port;
    FL_TRY(port.port, transport::parse_port_path(line));
    port.product_name = "listed";
    ports.push_back(std::move(port));
  }
  return std::make_unique<ListedPorts>(std::move(ports));
}

}  // namespace flashline::line
