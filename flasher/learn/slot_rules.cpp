#include "flasher/learn/slot_rules.h"

#include <spdlog/fmt/fmt.h>
#include <spdlog/fmt/ranges.h>
#include <vector>

#include "transport/discovery/usb_ports.h"

namespace flashline::line {
namespace {

// Behind 60-persistent-storage, which finds the ID_PATH, and before 99-systemd, which asks for SYSTEMD_READY.
constexpr std::string_view head =
    R"(# Made by `flashline station rules`. Copy to /etc/udev/rules.d/61-flashline-slots.rules, then:
# udevadm control --reload && udevadm trigger --subsystem-match=block
ACTION=="remove", GOTO="flashline_slots_end"
SUBSYSTEM!="block", GOTO="flashline_slots_end"

)";

constexpr std::string_view hands_off =
    R"(GROUP="flashline", MODE="0660", ENV{UDISKS_IGNORE}="1", ENV{UDISKS_AUTO}="0", ENV{SYSTEMD_READY}="0", )"
    R"(ENV{DM_MULTIPATH_DEVICE_PATH}="0", OPTIONS+="nowatch")";

std::string id_paths(const transport::PortPath& port, const transport::Machine& machine) {
  std::vector<std::string> paths;
  for (const transport::PortPath& side : transport::sides_of(port, machine)) {
    paths.push_back(fmt::format("{}-usb-0:{}:*{}", side.controller, fmt::join(side.chain, "."),
                                port.lun ? fmt::format("-scsi-0:0:0:{}", *port.lun) : ""));
  }
  return fmt::format("{}", fmt::join(paths, "|"));
}

}  // namespace

std::string slot_rules(const config::Station& station, const transport::Machine& machine) {
  std::string text{head};
  for (const config::Slot& slot : station.slots) {
    if (slot.target.kind != config::Target::Kind::port) continue;
    const auto port = transport::parse_port_path(slot.target.port);
    if (!port) continue;
    const std::string paths = id_paths(*port, machine);
    text += fmt::format("# slot {}: {}\nENV{{ID_PATH}}==\"{}\", {}\n", slot.name, slot.target.port, paths, hands_off);
    text +=
        fmt::format("ENV{{ID_PATH}}==\"{}\", ENV{{DEVTYPE}}==\"disk\", SYMLINK+=\"flashline/{}\"\n", paths, slot.name);
  }
  return text + "\nLABEL=\"flashline_slots_end\"\n";
}

}  // namespace flashline::line
