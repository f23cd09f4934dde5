#include "transport/rpiboot/pi_chip.h"

#include <gtest/gtest.h>

#include "imaging/core/errors/rpiboot.h"

namespace flashline::transport {
namespace {

UsbFacts board(std::uint16_t product, std::uint8_t serial_index = 3, std::size_t interfaces = 1) {
  UsbFacts facts{.vendor = 0x0a5c, .product = product, .serial_index = serial_index};
  facts.interfaces.resize(interfaces);
  return facts;
}

TEST(PiChip, IsKnownByItsIds) {
  EXPECT_EQ(find_pi_chip(board(0x2763))->second_stage, "bootcode.bin");
  EXPECT_EQ(find_pi_chip(board(0x2764))->folder, "2710");
  EXPECT_EQ(find_pi_chip(board(0x2711))->second_stage, "bootcode4.bin");
  EXPECT_EQ(find_pi_chip(board(0x2712))->second_stage, "bootcode5.bin");
  EXPECT_EQ(find_pi_chip(board(0x2713)), nullptr);
  EXPECT_EQ(find_pi_chip(UsbFacts{.vendor = 0x18d1, .product = 0x2711}), nullptr);
}

TEST(PiChip, TellsItsStageByTheIndexOfItsSerialString) {
  for (const std::uint8_t rom : std::initializer_list<std::uint8_t>{0, 3})
    EXPECT_EQ(pi_stage_of(board(0x2711, rom)), PiStage::rom);
  for (const std::uint8_t later : std::initializer_list<std::uint8_t>{1, 2, 4, 255})
    EXPECT_EQ(pi_stage_of(board(0x2711, later)), PiStage::file_server);
}

TEST(PiChip, TakesBytesWhereItsNumberOfInterfacesSays) {
  const auto one = pi_link_of(board(0x2764, 3, 1));
  const auto two = pi_link_of(board(0x2764, 3, 2));
  ASSERT_TRUE(one && two);
  EXPECT_EQ(one->interface, 0);
  EXPECT_EQ(one->out, 0x01);
  EXPECT_EQ(two->interface, 1);
  EXPECT_EQ(two->out, 0x03);
  for (const std::size_t odd : {0U, 3U, 32U}) {
    EXPECT_EQ(pi_link_of(board(0x2764, 3, odd)).error().code, errc::rpi_interfaces);
  }
}

struct Arrival {
  const char* name;
  UsbFacts device;
  unsigned returns;
  std::string_view expected;
};
class PiArrival : public ::testing::TestWithParam<Arrival> {};

TEST_P(PiArrival, IsJudgedBeforeAByteIsSent) {
  const PiChip& cm4 = *find_pi_chip(board(0x2711));
  const auto status = check_pi(GetParam().device, cm4, GetParam().returns);
  EXPECT_EQ(status ? "" : code_of(status.error().code), GetParam().expected);
}

INSTANTIATE_TEST_SUITE_P(
    Slot, PiArrival,
    ::testing::Values(Arrival{"in_its_rom", board(0x2711), 0, ""}, Arrival{"in_its_rom_again", board(0x2711), 1, ""},
                      Arrival{"in_its_rom_too_often", board(0x2711), 2, "FL-RPI-003"},
                      Arrival{"serving_after_returns", board(0x2711, 4), 2, ""},
                      Arrival{"another_pi", board(0x2712), 0, "FL-RPI-002"},
                      Arrival{"another_product", UsbFacts{.vendor = 0x1fc9, .product = 0x2711}, 0, "FL-RPI-001"}),
    [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace flashline::transport
