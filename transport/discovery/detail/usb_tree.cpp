#include "transport/discovery/detail/usb_tree.h"

#include <charconv>
#include <spdlog/fmt/fmt.h>

#include "transport/block/detail/block_devices.h"

namespace flashline::transport::detail {
namespace {

namespace fs = std::filesystem;

template <class T>
std::optional<T> number_of(std::string_view text) {
  T value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

fs::path resolved(const fs::path& path) {
  std::error_code missing;
  auto real = fs::canonical(path, missing);
  return missing ? fs::path{} : real;
}

std::string subsystem_of(const fs::path& folder) { return resolved(folder / "subsystem").filename().string(); }

/// A port of a hub; the hub's own folder, and the port's number in it.
struct HubPort {
  fs::path hub;
  std::uint8_t number = 0;
};

/// Of ".../1-2/1-2:1.0/1-2-port3" or ".../usb1/1-0:1.0/usb1-port5".
std::optional<HubPort> hub_port_of(const fs::path& port) {
  const std::string name = port.filename();
  const auto at = name.rfind("-port");
  const auto number = at == std::string::npos ? std::nullopt : number_of<std::uint8_t>(name.substr(at + 5));
  if (!number || *number == 0) return std::nullopt;
  return HubPort{port.parent_path().parent_path(), *number};
}

/// The other side of port `number` of `hub`.
std::optional<HubPort> peer_of(const fs::path& hub, std::uint8_t number) {
  const std::string port = fmt::format("{}-port{}", hub.filename().string(), number);
  std::error_code ignored;
  for (fs::directory_iterator each{hub, ignored}, end; each != end; each.increment(ignored)) {
    // A hub's only interface holds its ports: "1-2:1.0", of a root hub "1-0:1.0".
    if (each->path().filename().string().find(':') == std::string::npos) continue;
    const auto peer = resolved(each->path() / port / "peer");
    if (!peer.empty()) return hub_port_of(peer);
  }
  return std::nullopt;
}

bool is_root_hub(const fs::path& folder) {
  const std::string name = folder.filename();
  return name.starts_with("usb") && number_of<unsigned>(std::string_view{name}.substr(3)).has_value();
}

fs::path root_hub_of(fs::path device) {
  while (!is_root_hub(device)) {
    if (!device.has_relative_path()) return {};
    device = device.parent_path();
  }
  return device;
}

bool is_super_speed(const fs::path& root_hub) {
  return number_of<unsigned>(first_line(root_hub / "speed")).value_or(0) >= 5000;
}

}  // namespace

std::optional<UsbName> parse_usb_name(std::string_view name) {
  UsbName parsed;
  const auto dash = name.find('-');
  const auto bus = dash == std::string_view::npos ? std::nullopt : number_of<unsigned>(name.substr(0, dash));
  if (!bus) return std::nullopt;
  parsed.bus = *bus;
  for (std::size_t from = dash + 1; from <= name.size();) {
    const std::size_t dot = std::min(name.find('.', from), name.size());
    const auto port = number_of<std::uint8_t>(name.substr(from, dot - from));
    if (!port || *port == 0) return std::nullopt;
    parsed.chain.push_back(*port);
    from = dot + 1;
  }
  return parsed;
}

// ID_PATH names a chain of bridges or nested platform devices by the one next to the device.
std::string controller_name(fs::path folder, const fs::path& devices) {
  std::string name;
  while (folder != devices && folder.has_relative_path()) {
    const std::string subsystem = subsystem_of(folder);
    const bool named = subsystem == "pci" || subsystem == "platform" || subsystem == "acpi" || subsystem == "xen";
    if (named) name = fmt::format("{}-{}{}{}", subsystem, folder.filename().string(), name.empty() ? "" : "-", name);
    do {
      folder = folder.parent_path();
    } while (named && folder != devices && subsystem_of(folder) == subsystem);
  }
  return name;
}

std::optional<PortPath> socket_of(const fs::path& device, const fs::path& devices) {
  const auto name = parse_usb_name(device.filename().string());
  const auto root = root_hub_of(device);
  if (!name || root.empty()) return std::nullopt;
  const std::string controller = controller_name(root.parent_path(), devices);
  if (controller.empty()) return std::nullopt;
  if (!is_super_speed(root)) return PortPath{controller, name->chain};

  const auto peer = peer_of(device.parent_path(), name->chain.back());
  if (!peer) return PortPath{controller + "-usb3", name->chain};
  if (is_root_hub(peer->hub)) return PortPath{controller_name(peer->hub.parent_path(), devices), {peer->number}};
  auto socket = socket_of(peer->hub, devices);
  if (socket) socket->chain.push_back(peer->number);
  return socket;
}

bool is_root_hub_of(const fs::path& folder, const std::string& controller, const fs::path& devices) {
  return is_root_hub(folder) && !is_super_speed(folder) && controller_name(folder.parent_path(), devices) == controller;
}

std::optional<PortPath> other_side_of(const PortPath& socket, const fs::path& root, const fs::path& devices) {
  // "usb1", "1-5", "1-5.4": a hub inside the one before.
  fs::path hub = root;
  std::string name = root.filename().string().substr(3) + "-";
  for (std::size_t i = 0; i + 1 < socket.chain.size(); ++i) {
    name += fmt::format("{}{}", i == 0 ? "" : ".", socket.chain[i]);
    hub /= name;
  }
  const auto peer = peer_of(hub, socket.chain.back());
  if (!peer) return std::nullopt;
  const auto above = root_hub_of(peer->hub);
  PortPath other{controller_name(above.parent_path(), devices), {}};
  if (const auto parsed = parse_usb_name(peer->hub.filename().string())) other.chain = parsed->chain;
  other.chain.push_back(peer->number);
  return other;
}

fs::path usb_device_above(fs::path inner, const fs::path& devices) {
  std::error_code ignored;
  while (inner != devices && inner.has_relative_path()) {
    if (fs::exists(inner / "busnum", ignored) && fs::exists(inner / "devpath", ignored)) return inner;
    inner = inner.parent_path();
  }
  return {};
}

}  // namespace flashline::transport::detail
