#pragma once
// The USB ports of a station: what is on each, and which slot it is. On the line's executor.

#include <boost/asio/any_io_executor.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "imaging/core/error.h"
#include "station-config/station.h"
#include "transport/discovery/port_watcher.h"

namespace flashline::line {

namespace asio = boost::asio;

class Line;
class UsbBoards;

/// Something on a port, in words.
struct PortView {
  std::string port;
  std::string slot;   ///< empty: no slot's; it is shown and never touched
  std::string board;  ///< profile of the slot's board
  std::string id;     ///< "0a5c:2711"
  std::string name;   ///< maker and product, as the device tells them
  std::string serial;
  std::string speed;
  std::string disk;  ///< its node; empty: none
  std::uint64_t size_bytes = 0;

  bool operator==(const PortView&) const = default;
};

/// Which slot a port is, by the slots of a station.
class PortMap {
 public:
  explicit PortMap(const config::Station& station);

  /// The slot that what is on `port` belongs to; null: none. The slot of a whole socket takes whatever is in it.
  const config::Slot* slot_of(const transport::UsbPort& port) const;
  std::vector<PortView> views(const std::vector<transport::UsbPort>& ports) const;
  std::set<transport::PortPath> bound() const;

 private:
  std::map<transport::PortPath, config::Slot> slots_;
};

class StationPorts {
 public:
  /// A slot's port changed; `left`: what was in it is gone, whatever is there now.
  using SlotListener = std::function<void(const std::string& slot, bool left)>;
  using ListListener = std::function<void(const std::vector<PortView>& ports)>;

  StationPorts(const config::Station& station, asio::any_io_executor executor, asio::any_io_executor blocking,
               transport::PortWatcherOptions options = {});

  void start(SlotListener on_slot, ListListener on_list);

  /// Nobody is told anything any more.
  void stop() { watcher_.stop(); }

  std::vector<PortView> views() const { return map_.views(watcher_.ports()); }
  /// A disk with a medium is on the slot's port, and udev is done with it.
  bool has_disk(const config::Slot& slot) const;
  bool hears_events() const { return watcher_.hears_events(); }

 private:
  void changed(const std::vector<transport::PortChange>& changes);

  PortMap map_;
  transport::PortWatcher watcher_;
  SlotListener on_slot_;
  ListListener on_list_;
  std::vector<PortView> told_;
};

/// From now on `line` hears what happens on the ports of its slots. Those of `boards` (may be null) are watched by
/// them: how a board goes from stage to stage must come in the order in which it was brought up, and `ports` looks
/// later.
void follow_ports(Line& line, StationPorts& ports, UsbBoards* boards, StationPorts::ListListener on_list);

}  // namespace flashline::line
