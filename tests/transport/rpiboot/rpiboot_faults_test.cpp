// Every fault at several moments of both stages: what the operator is told.
#include <algorithm>
#include <gtest/gtest.h>

#include "tests/transport/rpiboot/pi_pair.h"

namespace flashline::transport {
namespace {

using Kind = lab::Fault::Kind;
using On = lab::Fault::On;

struct FaultRow {
  enum class Stage : std::uint8_t { rom, server };
  Stage stage;
  lab::Fault fault;
  std::string_view code;
};

std::string run_rom(const lab::Fault& fault) {
  PiPair<lab::PiBootRom> pair{std::make_shared<lab::PiBootRom>(), fault};
  const auto status =
      tests::awaited(pair.context, send_second_stage(pair.pipe, stage_of(told_content(100'000, 9)), no_waiting));
  return status ? "" : std::string{code_of(status.error().code)};
}

std::string run_server(const lab::Fault& fault) {
  PiPair<lab::PiFileServer> pair{std::make_shared<lab::PiFileServer>(lab::PiBoardPlan{}, lab::cm4_asks()), fault};
  const BootFiles files = cm4_files();
  const auto outcome = tests::awaited(pair.context, serve_files(pair.pipe, files, {.needed = "boot.img"}, no_waiting));
  return outcome.error ? std::string{code_of(outcome.error->code)} : "";
}

std::string name_of_row(const ::testing::TestParamInfo<FaultRow>& row) {
  const auto& [stage, fault, code] = row.param;
  std::string name = std::string{stage == FaultRow::Stage::rom ? "rom_" : "server_"} + std::string{name_of(fault.on)} +
                     "_" + std::string{name_of(fault.kind)} + "_at_" + std::to_string(fault.after_bytes);
  std::ranges::replace(name, '-', '_');
  return name;
}

class PiFault : public ::testing::TestWithParam<FaultRow> {};

TEST_P(PiFault, IsTold) {
  const auto& row = GetParam();
  EXPECT_EQ(row.stage == FaultRow::Stage::rom ? run_rom(row.fault) : run_server(row.fault), row.code);
}

constexpr auto rom = FaultRow::Stage::rom;
constexpr auto server = FaultRow::Stage::server;

// Control requests of the ROM carry 0, 0 and 4 bytes; those of the file server 260 a question.
INSTANTIATE_TEST_SUITE_P(Rom, PiFault,
                         ::testing::Values(FaultRow{rom, {Kind::stall, On::control, 0}, "FL-USB-002"},
                                           FaultRow{rom, {Kind::silence, On::control, 0}, "FL-USB-003"},
                                           FaultRow{rom, {Kind::link_error, On::control, 0}, "FL-USB-004"},
                                           FaultRow{rom, {Kind::unplug, On::control, 0}, "FL-USB-001"},
                                           FaultRow{rom, {Kind::stall, On::control, 4}, "FL-USB-002"},
                                           FaultRow{rom, {Kind::silence, On::control, 4}, "FL-USB-003"},
                                           FaultRow{rom, {Kind::link_error, On::control, 4}, "FL-USB-004"},
                                           FaultRow{rom, {Kind::unplug, On::control, 4}, "FL-USB-001"},
                                           FaultRow{rom, {Kind::garbage, On::control, 4}, "FL-RPI-011"},
                                           FaultRow{rom, {Kind::short_take, On::control, 4}, "FL-RPI-012"},
                                           FaultRow{rom, {Kind::stall, On::out, 0}, "FL-USB-002"},
                                           FaultRow{rom, {Kind::silence, On::out, 0}, "FL-USB-003"},
                                           FaultRow{rom, {Kind::link_error, On::out, 24}, "FL-USB-004"},
                                           FaultRow{rom, {Kind::short_take, On::out, 24}, "FL-USB-005"},
                                           FaultRow{rom, {Kind::unplug, On::out, 24}, "FL-USB-001"},
                                           FaultRow{rom, {Kind::stall, On::out, 50'000}, "FL-USB-002"},
                                           FaultRow{rom, {Kind::silence, On::out, 50'000}, "FL-USB-003"},
                                           FaultRow{rom, {Kind::link_error, On::out, 50'000}, "FL-USB-004"},
                                           FaultRow{rom, {Kind::short_take, On::out, 50'000}, "FL-USB-005"},
                                           FaultRow{rom, {Kind::unplug, On::out, 100'000}, "FL-USB-001"},
                                           FaultRow{rom, {Kind::silence, On::out, 100'024}, "FL-USB-003"}),
                         name_of_row);

INSTANTIATE_TEST_SUITE_P(Server, PiFault,
                         ::testing::Values(FaultRow{server, {Kind::stall, On::control, 0}, "FL-USB-002"},
                                           FaultRow{server, {Kind::silence, On::control, 0}, "FL-RPI-020"},
                                           FaultRow{server, {Kind::link_error, On::control, 0}, "FL-USB-004"},
                                           FaultRow{server, {Kind::unplug, On::control, 0}, "FL-RPI-023"},
                                           FaultRow{server, {Kind::garbage, On::control, 0}, "FL-RPI-021"},
                                           FaultRow{server, {Kind::short_take, On::control, 0}, "FL-RPI-021"},
                                           FaultRow{server, {Kind::silence, On::control, 1300}, "FL-RPI-020"},
                                           FaultRow{server, {Kind::unplug, On::control, 1300}, "FL-RPI-023"},
                                           FaultRow{server, {Kind::garbage, On::control, 1300}, "FL-RPI-021"},
                                           FaultRow{server, {Kind::stall, On::out, 0}, "FL-USB-002"},
                                           FaultRow{server, {Kind::silence, On::out, 0}, "FL-USB-003"},
                                           FaultRow{server, {Kind::link_error, On::out, 3000}, "FL-USB-004"},
                                           FaultRow{server, {Kind::short_take, On::out, 3000}, "FL-USB-005"},
                                           FaultRow{server, {Kind::unplug, On::out, 3000}, "FL-RPI-023"},
                                           FaultRow{server, {Kind::stall, On::out, 200'000}, "FL-USB-002"},
                                           FaultRow{server, {Kind::silence, On::out, 200'000}, "FL-USB-003"},
                                           FaultRow{server, {Kind::unplug, On::out, 373'000}, "FL-RPI-023"},
                                           // The last question, "done", does not come; the board has what it needs.
                                           FaultRow{server, {Kind::unplug, On::control, 260 * 19}, ""},
                                           FaultRow{server, {Kind::link_error, On::control, 260 * 19}, ""},
                                           FaultRow{server, {Kind::silence, On::control, 260 * 19}, "FL-RPI-020"}),
                         name_of_row);

}  // namespace
}  // namespace flashline::transport
