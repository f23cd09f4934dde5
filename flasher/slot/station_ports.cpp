#include "flasher/slot/station_ports.h"

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>
#include <utility>

#include "flasher/board/usb_boards.h"
#include "flasher/slot/line.h"

namespace flashline::line {
namespace {

using transport::PortChange;
using transport::PortPath;
using transport::UsbPort;

std::string name_of(const UsbPort& port) {
  const bool both = !port.manufacturer.empty() && !port.product_name.empty();
  return port.manufacturer + (both ? " " : "") + port.product_name;
}

PortView view_of(const UsbPort& port, const config::Slot* slot) {
  PortView view;
  view.port = to_text(port.port);
  if (slot != nullptr) {
    view.slot = slot->name;
    view.board = slot->target.board;
  }
  view.id = fmt::format("{:04x}:{:04x}", port.vendor, port.product);
  view.name = name_of(port);
  view.serial = port.serial;
  view.speed = transport::name_of(port.speed);
  if (port.disk) {
    view.disk = port.disk->node.string();
    view.size_bytes = port.disk->size.value;
  }
  return view;
}

}  // namespace

PortMap::PortMap(const config::Station& station) {
  for (const config::Slot& slot : station.slots) {
    if (slot.target.kind != config::Target::Kind::port) continue;
    if (const auto port = transport::parse_port_path(slot.target.port)) slots_.emplace(*port, slot);
  }
}

const config::Slot* PortMap::slot_of(const UsbPort& port) const {
  const PortPath socket = port.port.socket();
  if (const auto whole = slots_.find(socket); whole != slots_.end()) return &whole->second;
  if (port.disk) {
    const auto card = slots_.find(PortPath{socket.controller, socket.chain, port.disk->lun});
    return card == slots_.end() ? nullptr : &card->second;
  }
  // A reader whose disks are not there yet is no stranger.
  const auto first = slots_.lower_bound(socket);
  return first != slots_.end() && first->first.socket() == socket ? &first->second : nullptr;
}

std::vector<PortView> PortMap::views(const std::vector<UsbPort>& ports) const {
  std::vector<PortView> all;
  for (const UsbPort& port : ports) all.push_back(view_of(port, slot_of(port)));
  return all;
}

std::set<PortPath> PortMap::bound() const {
  std::set<PortPath> ports;
  for (const auto& [port, slot] : slots_) ports.insert(port);
  return ports;
}

StationPorts::StationPorts(const config::Station& station, asio::any_io_executor executor,
                           asio::any_io_executor blocking, transport::PortWatcherOptions options)
    : map_{station}, watcher_{std::move(executor), std::move(blocking), std::move(options)} {
  watcher_.open_media_of(map_.bound());
}

void StationPorts::start(SlotListener on_slot, ListListener on_list) {
  on_slot_ = std::move(on_slot);
  on_list_ = std::move(on_list);
  watcher_.start([this](const std::vector<PortChange>& changes) { changed(changes); });
}

bool StationPorts::has_disk(const config::Slot& slot) const {
  const auto port = transport::parse_port_path(slot.target.port);
  const UsbPort* there = port ? watcher_.find(*port) : nullptr;
  return there != nullptr && there->has_medium() && there->disk->ready;
}

void StationPorts::changed(const std::vector<PortChange>& changes) {
  for (const PortChange& change : changes) {
    UsbPort gone;
    gone.port = change.port;
    if (change.port.lun) gone.disk.emplace().lun = *change.port.lun;
    const config::Slot* slot = map_.slot_of(change.now ? *change.now : gone);
    if (change.now) {
      const PortView view = view_of(*change.now, slot);
      spdlog::debug("port {}: {} {} {}{}", view.port, view.id, view.name, view.disk,
                    change.left ? ", another one" : "");
    } else {
      spdlog::debug("port {}: empty", to_text(change.port));
    }
    if (slot != nullptr && on_slot_) on_slot_(slot->name, change.left);
  }
  auto views = this->views();
  if (views == told_) return;
  told_ = std::move(views);
  if (on_list_) on_list_(told_);
}

void follow_ports(Line& line, StationPorts& ports, UsbBoards* boards, StationPorts::ListListener on_list) {
  if (boards != nullptr) {
    boards->listen([&line](const std::string& slot, bool left) { line.port_changed(slot, left); });
  }
  ports.start(
      [&line, boards](const std::string& slot, bool left) {
        line.port_changed(slot, left && (boards == nullptr || !boards->knows(slot)));
      },
      std::move(on_list));
}

}  // namespace flashline::line
