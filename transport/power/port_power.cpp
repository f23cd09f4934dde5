#include "transport/power/port_power.h"

#include <cerrno>
#include <fcntl.h>
#include <spdlog/fmt/fmt.h>
#include <string>
#include <system_error>
#include <unistd.h>
#include <vector>

#include "imaging/core/errors/usb.h"
#include "transport/discovery/detail/usb_tree.h"

namespace flashline::transport {
namespace {

namespace fs = std::filesystem;

/// Of the port folder "1-2-port3" the name that a device there has: "1-2.3"; of "usb1-port5" "1-5".
std::string device_name(const std::string& port_folder) {
  const auto at = port_folder.rfind("-port");
  const std::string hub = port_folder.substr(0, at);
  const std::string number = port_folder.substr(at + 5);
  return hub.starts_with("usb") ? hub.substr(3) + "-" + number : hub + "." + number;
}

/// The folders of the hub ports that are this socket, one or two.
std::vector<fs::path> sides_of(const PortPath& port, const Machine& machine) {
  std::vector<fs::path> sides;
  std::error_code ignored;
  const fs::path devices = fs::canonical(machine.sys / "devices", ignored);
  for (fs::directory_iterator hub{machine.sys / "bus/usb/devices", ignored}, end; hub != end; hub.increment(ignored)) {
    const fs::path folder = fs::canonical(hub->path(), ignored);
    for (fs::directory_iterator interface{folder, ignored}, last; interface != last; interface.increment(ignored)) {
      if (interface->path().filename().string().find(':') == std::string::npos) continue;
      for (fs::directory_iterator each{interface->path(), ignored}, none; each != none; each.increment(ignored)) {
        const std::string name = each->path().filename();
        if (name.find("-port") == std::string::npos) continue;
        const auto socket = detail::socket_of(folder / device_name(name), devices);
        if (socket && *socket == port.socket()) sides.push_back(each->path());
      }
    }
  }
  return sides;
}

Status write_switch(const fs::path& file, bool on) {
  const int descriptor = ::open(file.c_str(), O_WRONLY | O_CLOEXEC);
  const bool written = descriptor >= 0 && ::write(descriptor, on ? "0" : "1", 1) == 1;
  const int error = errno;
  if (descriptor >= 0) ::close(descriptor);
  if (written) return {};
  return fail(errc::port_power, fmt::format("{}: {}", file.string(), std::system_category().message(error)));
}

}  // namespace

Status switch_port(const PortPath& port, bool on, const Machine& machine) {
  const auto sides = sides_of(port, machine);
  if (sides.empty()) return fail(errc::port_power, "no hub has port " + to_text(port));
  for (const auto& side : sides) FL_CHECK(write_switch(side / "disable", on));
  return {};
}

}  // namespace flashline::transport
