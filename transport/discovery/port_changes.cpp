#include "transport/discovery/port_changes.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>

namespace flashline::transport {
namespace {

using ByPort = std::map<PortPath, const UsbPort*>;

// Two devices under one name cannot be told apart by it: the first stands for both, and opening it is refused.
ByPort by_port(const std::vector<UsbPort>& list) {
  ByPort all;
  for (const UsbPort& each : list) all.emplace(each.port, &each);
  return all;
}

/// Whether the medium, or where there is none the device, was away in between.
bool has_left(const UsbPort& before, const UsbPort& now) {
  if (before.name != now.name || before.address != now.address) return true;
  if (!before.has_medium()) return false;
  const auto place = [](const UsbPort& port) { return std::pair{port.disk->sys_path, port.disk->number}; };
  return !now.has_medium() || place(before) != place(now) || before.disk->size != now.disk->size ||
         before.disk->disk_seq != now.disk->disk_seq;
}

}  // namespace

std::vector<PortChange> changes_between(const std::vector<UsbPort>& before, const std::vector<UsbPort>& now) {
  const ByPort old = by_port(before);
  const ByPort fresh = by_port(now);
  std::vector<PortChange> changes;
  std::set<PortPath> ports;
  for (const auto& [port, there] : old) ports.insert(port);
  for (const auto& [port, there] : fresh) ports.insert(port);
  for (const PortPath& port : ports) {
    const auto was = old.find(port);
    const auto is = fresh.find(port);
    if (is == fresh.end()) {
      changes.push_back({.port = port, .now = {}, .left = true});
    } else if (was == old.end()) {
      changes.push_back({.port = port, .now = *is->second});
    } else if (*was->second != *is->second) {
      changes.push_back({.port = port, .now = *is->second, .left = has_left(*was->second, *is->second)});
    }
  }
  return changes;
}

}  // namespace flashline::transport
