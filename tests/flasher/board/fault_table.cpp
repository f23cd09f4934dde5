#include "tests/flasher/board/fault_table.h"

#include "tests/flasher/board/fault_spoils.h"

namespace flashline::line::tests {

WayFacts facts_of(Way way) {
  switch (way) {
    case Way::gadget:
      return {"Raspberry Pi, USB boot into its fastboot gadget", "RaspberryPi-CM4"};
    case Way::disk:
      return {"Raspberry Pi, USB boot into a USB disk", "RaspberryPi-CM3"};
    case Way::sdp:
      return {"NXP i.MX, serial download (SDP) into U-Boot's fastboot", "NXP-iMX6"};
    case Way::sdps:
      return {"NXP i.MX, stream download (SDPS) into U-Boot's fastboot", "NXP-iMX8M-stream"};
    case Way::sahara:
      return {"Qualcomm, emergency download (Sahara) into Firehose", "DragonBoard-410c"};
    case Way::card:
      break;
  }
  return {"Card in a reader", ""};
}

Spoil medium(SinkScript script) {
  return [=](Board& board) {
    board.disk = std::make_shared<ScriptedSink>(ByteCount{storage_size}, script);
    board.medium = [disk = board.disk] { return disk->memory(); };
  };
}

namespace {

constexpr std::string_view passes = "passes";
constexpr std::string_view after_reset = "passes after a reset of its port";
constexpr std::string_view again = "passes when it is back";
constexpr std::string_view after_power = "passes after power off and on";

void add_pi_rom(std::vector<Cell>& table, Way way) {
  const std::string_view first = "in its boot ROM, at the first word";
  const std::string_view code = "in its boot ROM, while its second stage goes over";
  const std::string_view verdict = "in its boot ROM, when it shall say how it likes its second stage";
  const auto cell = [&](std::string_view moment, std::string_view fault, std::string_view expected, Spoil spoil) {
    table.push_back({way, moment, fault, expected, std::move(spoil)});
  };
  cell(first, "is another product's board", "FL-BRD-002", other_product(0));
  cell(first, "announces 55 bytes of descriptors and sends 32, as the real one does", passes,
       disguised(0,
                 [](lab::Descriptors& real) { real.configuration.resize(real.configuration.size() == 32 ? 32 : 0); }));
  cell(first, "shows no interface", "FL-RPI-004", configuration_cut(0, 9));
  cell(first, "refuses a request once", after_reset, wire(0, {Kind::stall, On::control, 0, once}));
  cell(first, "refuses every request", "FL-USB-002", wire(0, {Kind::stall, On::control, 0, always}));
  cell(code, "falls silent", after_power, wire(0, {Kind::silence, On::out, 20'000, once}));
  cell(code, "loses its link once", after_power, wire(0, {Kind::link_error, On::out, 20'000, once}));
  cell(code, "takes half of a transfer", after_power, wire(0, {Kind::short_take, On::out, 20'000, once}));
  cell(code, "takes half of a transfer each time", "FL-USB-005", wire(0, {Kind::short_take, On::out, 20'000, always}));
  cell(code, "disappears", "FL-USB-001", gone(0, On::out, 20'000));
  cell(code, "disappears and comes back", after_reset, falls_back(0, On::out, 20'000));
  cell(verdict, "answers with one byte", again, wire(0, {Kind::short_answer, On::control, 1, once}));
  cell(verdict, "answers with more than was asked", again, wire(0, {Kind::long_answer, On::control, 1, once}));
  cell(verdict, "answers garbage", "FL-RPI-011", wire(0, {Kind::garbage, On::control, 1, always}));
  cell(verdict, "does not take it", "FL-RPI-011", pi_rom([](const auto&, const auto&) { return 7; }));
}

void add_pi_files(std::vector<Cell>& table, Way way) {
  const std::string_view ask = "while it asks for files";
  const std::string_view file = "while a file goes over";
  const auto cell = [&](std::string_view moment, std::string_view fault, std::string_view expected, Spoil spoil) {
    table.push_back({way, moment, fault, expected, std::move(spoil)});
  };
  cell(ask, "falls silent", after_reset, wire(1, {Kind::silence, On::control, 300, once}));
  cell(ask, "falls silent each time", "FL-RPI-020", wire(1, {Kind::silence, On::control, 300, always}));
  cell(ask, "refuses a request", after_reset, wire(1, {Kind::stall, On::control, 300, once}));
  cell(ask, "asks with one byte", after_power, wire(1, {Kind::short_answer, On::control, 300, once}));
  cell(ask, "asks with garbage each time", "FL-RPI-021", wire(1, {Kind::garbage, On::control, 300, always}));
  cell(ask, "asks for a file outside of its folder (../../etc/passwd), then for its own", passes,
       pi_asks({{.name = "../../etc/passwd"}, {.name = "boot.img"}, {.kind = lab::PiAsk::Kind::done}}));
  cell(ask, "asks by a name without an end", "FL-RPI-021", pi_asks({request(0, std::string(256, 'n'))}));
  cell(ask, "asks by a name of control characters, then for its own", passes,
       pi_asks({{.name = "\x1b[2J\r\n\x07"}, {.name = "boot.img"}, {.kind = lab::PiAsk::Kind::done}}));
  cell(ask, "asks for ever", "FL-RPI-022", pi_asks(asks_for_ever()));
  cell(ask, "ends without having read its image", "FL-RPI-023",
       leaves_for_good(1, {{.name = "config.txt"}, {.kind = lab::PiAsk::Kind::done}}));
  cell(file, "disappears", "FL-RPI-023", gone(1, On::out, 100'000));
  cell(file, "disappears and comes back", after_reset, falls_back(1, On::out, 100'000));
  cell(file, "loses its link each time", "FL-USB-004", wire(1, {Kind::link_error, On::out, 100'000, always}));
  cell(file, "falls into its boot ROM each time", "FL-BRD-003", loops_after(2));
}

/// Bootloaders that speak fastboot, at `stage`.
void add_fastboot(std::vector<Cell>& table, Way way, std::size_t stage,
                  Spoil (*made)(std::vector<lab::FastbootMischief>)) {
  const std::string_view facts = "in its bootloader, while it tells what it is";
  const std::string_view data = "in its bootloader, while the image goes over";
  const std::string_view verify = "in its bootloader, while it compares what it holds";
  const std::string_view check = way == Way::gadget ? "oem bmap-verify" : "UCmd:crc32";
  const auto cell = [&](std::string_view moment, std::string_view fault, std::string_view expected, Spoil spoil) {
    table.push_back({way, moment, fault, expected, std::move(spoil)});
  };
  cell(facts, "shows no endpoints", "FL-FBT-001", configuration_cut(stage, 18));
  cell(facts, "refuses a transfer", after_reset, wire(stage, {Kind::stall, On::in, 0, once}));
  cell(facts, "falls silent", after_reset, wire(stage, {Kind::silence, On::in, 2, once}));
  cell(facts, "answers garbage", "FL-FBT-002", wire(stage, {Kind::garbage, On::in, 2, always}));
  cell(facts, "answers with one byte", "FL-FBT-002", wire(stage, {Kind::short_answer, On::in, 2, always}));
  cell(facts, "answers with more than was asked", after_reset, wire(stage, {Kind::long_answer, On::in, 2, once}));
  cell(facts, "says INFO for ever", "FL-FBT-005", made({{.on = "getvar:", .nth = 2, .what = Do::endless_lines}}));
  cell(facts, "disappears", "FL-USB-001", gone(stage, On::in, 2));
  cell(facts, "disappears and comes back", after_reset, falls_back(stage, On::in, 2));
  cell(data, "fails a flash once, with binary garbage as its word", passes,
       made({{.on = "flash:", .what = Do::fail, .text = std::string{"\x00\xff\x1b[2J\r\n", 8}}}));
  cell(data, "fails every flash, with binary garbage as its word", "FL-FBT-010",
       made({{.on = "flash:", .nth = 0, .what = Do::fail, .text = std::string{"\x00\xff\x1b[2J\r\n", 8}}}));
  cell(data, "wants another length than was announced", "FL-FBT-004",
       made({{.on = "download:", .nth = 0, .what = Do::wrong_length}}));
  cell(data, "says INFO for ever", "FL-FBT-005", made({{.on = "flash:", .nth = 0, .what = Do::endless_lines}}));
  cell(data, "refuses a transfer once", passes, wire(stage, {Kind::stall, On::out, 300'000, once}));
  cell(data, "falls silent once", passes, wire(stage, {Kind::silence, On::out, 300'000, once}));
  cell(data, "falls silent each time", "FL-USB-003", made({{.on = "flash:", .nth = 0, .what = Do::silence}}));
  cell(data, "takes half of a transfer each time", "FL-USB-005",
       wire(stage, {Kind::short_take, On::out, 300'000, always}));
  cell(data, "disappears", "FL-DEV-004", gone(stage, On::out, 300'000));
  cell(data, "says that it wrote, and did not", "FL-DEV-007", made({{.on = "flash:", .nth = 3, .what = Do::lie}}));
  cell(data, "writes one bit wrong", "FL-DEV-007", made({{.on = "flash:", .nth = 3, .what = Do::flip}}));
  cell(verify, "disappears", "FL-DEV-004", made({{.on = std::string{check}, .what = Do::leave}}));
  cell(verify, "says INFO for ever", "FL-FBT-005",
       made({{.on = std::string{check}, .nth = 0, .what = Do::endless_lines}}));
}

void add_station(std::vector<Cell>& table, Way way) {
  table.push_back({way,
                   "at the station's start",
                   "(its bundle names a file outside of itself: ../)",
                   "FL-RPI-031",
                   {},
                   [](Path& path, const std::filesystem::path& folder) {
                     return with_bundle(path, folder,
                                        flashline::tests::tar_of({{.name = "../etc/passwd", .content = "x"}}));
                   }});
  table.push_back({way,
                   "at the station's start",
                   "(its bundle is no archive)",
                   "FL-RPI-030",
                   {},
                   [](Path& path, const std::filesystem::path& folder) {
                     return with_bundle(path, folder, std::string(3000, 'x'));
                   }});
  table.push_back({way,
                   "at the station's start",
                   "(its folder of boot files is not there)",
                   "FL-CFG-042",
                   {},
                   [](Path& path, const std::filesystem::path& folder) {
                     path.profile.stages[0].files[0].path = folder / "nowhere";
                     return read_again(path);
                   }});
}

void add_sdp(std::vector<Cell>& table) {
  const std::string_view first = "in its boot ROM, at the first word";
  const std::string_view image = "in its boot ROM, while its boot image goes over";
  const auto cell = [&](std::string_view moment, std::string_view fault, std::string_view expected, Spoil spoil) {
    table.push_back({Way::sdp, moment, fault, expected, std::move(spoil)});
  };
  cell(first, "is another product's board", "FL-BRD-002", other_product(0));
  cell(first, "shows no interface", "FL-USB-008", configuration_cut(0, 9));
  cell(first, "shows no endpoints", "FL-USB-008", configuration_cut(0, 18));
  cell(first, "falls silent", after_power, wire(0, {Kind::silence, On::in, 1, once}));
  cell(first, "answers with a status that there is not", "FL-SDP-001", wire(0, {Kind::garbage, On::in, 1, always}));
  cell(first, "answers with one byte", "FL-SDP-001", wire(0, {Kind::short_answer, On::in, 1, always}));
  cell(first, "answers with more than was asked", "FL-USB-004", wire(0, {Kind::long_answer, On::in, 1, always}));
  cell(first, "is closed, and the boot image is not signed", "FL-SDP-003", closed_chip());
  cell(image, "refuses a report", after_power, wire(0, {Kind::stall, On::control, 3'000, once}));
  cell(image, "falls silent each time", "FL-USB-003", wire(0, {Kind::silence, On::control, 3'000, always}));
  cell(image, "answers with a status that there is not, once", after_power, wire(0, {Kind::garbage, On::in, 5, once}));
  cell(image, "disappears", "FL-USB-001", gone(0, On::control, 3'000));
  cell(image, "disappears and comes back", after_reset, falls_back(0, On::control, 3'000));
  cell(image, "falls into its boot ROM each time", "FL-BRD-003", loops_after(1));
}

void add_sdps(std::vector<Cell>& table) {
  const std::string_view image = "in its boot ROM, while its stream goes over";
  const auto cell = [&](std::string_view fault, std::string_view expected, Spoil spoil) {
    table.push_back({Way::sdps, image, fault, expected, std::move(spoil)});
  };
  cell("refuses a report", after_power, wire(0, {Kind::stall, On::out, 3'000, once}));
  cell("falls silent", after_power, wire(0, {Kind::silence, On::out, 3'000, once}));
  cell("takes half of a report", after_power, wire(0, {Kind::short_take, On::out, 3'000, once}));
  cell("loses its link each time", "FL-USB-004", wire(0, {Kind::link_error, On::out, 3'000, always}));
  cell("disappears", "FL-USB-001", gone(0, On::out, 3'000));
  cell("falls into its boot ROM each time", "FL-BRD-003", loops_after(1));
}

void add_sahara(std::vector<Cell>& table) {
  const std::string_view rom = "in its boot ROM";
  const std::string_view code = "in its boot ROM, while it reads its programmer";
  const std::string_view data = "in its programmer, while the image goes over";
  const auto cell = [&](std::string_view moment, std::string_view fault, std::string_view expected, Spoil spoil) {
    table.push_back({Way::sahara, moment, fault, expected, std::move(spoil)});
  };
  cell(rom, "is another product's board", "FL-BRD-002", other_product(0));
  cell(rom, "shows no endpoints", "FL-USB-008", configuration_cut(0, 18));
  cell(rom, "offers a dump of its memory after a crash", "FL-EDL-004", qualcomm({.mode = 2}));
  cell(rom, "says a command that there is not", "FL-EDL-001", wire(0, {Kind::garbage, On::in, 1, always}));
  cell(rom, "answers with one byte", "FL-EDL-001", wire(0, {Kind::short_answer, On::in, 1, always}));
  cell(rom, "answers with more than was asked", "FL-USB-004", wire(0, {Kind::long_answer, On::in, 1, always}));
  cell(code, "wants another image", "FL-EDL-002", qualcomm({.image = 21}));
  cell(code, "does not like it", "FL-EDL-003", qualcomm({.end_status = 12}));
  cell(code, "wants bytes behind its end", "FL-EDL-002", qualcomm({.programmer_size = 61'000}));
  cell(code, "refuses a transfer", after_power, wire(0, {Kind::stall, On::out, 20'000, once}));
  cell(code, "falls silent", after_power, wire(0, {Kind::silence, On::out, 20'000, once}));
  cell(code, "takes half of a transfer", after_power, wire(0, {Kind::short_take, On::out, 20'000, once}));
  cell(code, "disappears", "FL-USB-001", gone(0, On::out, 20'000));
  cell(code, "disappears and comes back", after_reset, falls_back(0, On::out, 20'000));
  cell(data, "refuses a transfer", "FL-USB-002", wire(0, {Kind::stall, On::out, 400'000, once}));
  cell(data, "falls silent", "FL-DEV-006", wire(0, {Kind::silence, On::out, 400'000, once}));
  cell(data, "disappears", "FL-DEV-004", gone(0, On::out, 400'000));
  cell(data, "refuses a sector", "FL-DEV-001", qualcomm({}, {.bad_sector = 1000}));
  cell(data, "writes one bit wrong", "FL-DEV-007", qualcomm({}, {.lying_sector = 1000}));
}

void add_card(std::vector<Cell>& table) {
  const std::string_view write = "while the image is written";
  const std::string_view read = "while it is read back";
  const auto cell = [&](std::string_view moment, std::string_view fault, std::string_view expected, SinkScript script) {
    table.push_back({Way::card, moment, fault, expected, medium(std::move(script))});
  };
  using std::chrono::milliseconds;
  cell(write, "cannot write", "FL-DEV-001", {{{SinkCall::write, 2}, {.error = errc::device_write}}});
  cell(write, "ends early", "FL-DEV-005", {{{SinkCall::write, 2}, {.short_after = 4096}}});
  cell(write, "stalls", "FL-DEV-006", {{{SinkCall::write, 2}, {.stall = milliseconds{1200}}}});
  cell(write, "is pulled out", "FL-DEV-004", {{{SinkCall::write, 2}, {.unplug = true}}});
  cell(write, "says once that it wrote, and did not", passes, {{{SinkCall::write, 1}, {.drop = true}}});
  cell(write, "writes one bit wrong once", passes, {{{SinkCall::write, 1}, {.flip = 77}}});
  cell(write, "says that it wrote, and did not", "FL-DEV-007", each_write({.drop = true}));
  cell(write, "writes one bit wrong each time", "FL-DEV-007", each_write({.flip = 77}));
  cell(write, "cannot empty its cache", "FL-DEV-003", {{{SinkCall::flush, 1}, {.error = errc::device_flush}}});
  cell(read, "cannot read", "FL-DEV-002", {{{SinkCall::read, 1}, {.error = errc::device_read}}});
  cell(read, "is pulled out", "FL-DEV-004", {{{SinkCall::read, 1}, {.unplug = true}}});
  cell(read, "stalls", "FL-DEV-006", {{{SinkCall::read, 1}, {.stall = milliseconds{1200}}}});
}

}  // namespace

std::vector<Cell> cells() {
  std::vector<Cell> table;
  add_station(table, Way::gadget);
  add_pi_rom(table, Way::gadget);
  add_pi_files(table, Way::gadget);
  add_fastboot(table, Way::gadget, 2, [](std::vector<lab::FastbootMischief> what) { return gadget(std::move(what)); });
  table.push_back({Way::gadget, "in its bootloader, while it tells what it is", "has control characters in its serial",
                   passes, gadget({}, "10\x1b[2J\r\n\x07")});
  table.push_back(
      {Way::disk, "in its boot ROM, at the first word", "is another product's board", "FL-BRD-002", other_product(0)});
  table.push_back(
      {Way::disk, "while a file goes over", "disappears and comes back", after_reset, falls_back(1, On::out, 100'000)});
  table.push_back({Way::disk, "as a disk, while the image is written", "disappears", "FL-DEV-004",
                   medium({{{SinkCall::write, 2}, {.unplug = true}}})});
  table.push_back({Way::disk, "as a disk, while the image is written", "cannot write", "FL-DEV-001",
                   medium({{{SinkCall::write, 2}, {.error = errc::device_write}}})});
  table.push_back({Way::disk, "as a disk, while the image is written", "writes one bit wrong each time", "FL-DEV-007",
                   medium(each_write({.flip = 77}))});
  add_sdp(table);
  add_fastboot(table, Way::sdp, 1, &u_boot);
  add_sdps(table);
  add_sahara(table);
  add_card(table);
  return table;
}

}  // namespace flashline::line::tests
