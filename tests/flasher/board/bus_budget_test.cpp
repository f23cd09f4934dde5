#include "flasher/board/bus_budget.h"

#include <gmock/gmock.h>

#include "imaging/core/errors/usb.h"

namespace flashline::line {
namespace {

using ::testing::HasSubstr;

struct Place {
  std::string port;
  std::string board;
};

config::Station station_with(const std::vector<Place>& places) {
  config::Station station;
  for (const char* name : {"Card", "RaspberryPi-CM4", "NXP-iMX6"}) {
    station.boards.push_back(*config::find_board(name, {}));
  }
  for (const Place& place : places) {
    config::Slot slot;
    slot.name = std::to_string(station.slots.size() + 1);
    slot.target.kind = place.port.empty() ? config::Target::Kind::file : config::Target::Kind::port;
    slot.target.port = place.port;
    slot.target.board = place.board;
    station.slots.push_back(slot);
  }
  return station;
}

struct Case {
  const char* name;
  std::vector<Place> places;
  std::vector<ControllerBudget> expected;
};

class BusBudget : public ::testing::TestWithParam<Case> {};

TEST_P(BusBudget, counts_everything_that_is_on_the_bus) {
  EXPECT_EQ(bus_budget(station_with(GetParam().places)), GetParam().expected);
}

INSTANTIATE_TEST_SUITE_P(
    Station, BusBudget,
    ::testing::Values(
        Case{"no_ports", {{"", ""}}, {}},
        Case{"one_card_on_the_machine_itself", {{"pci-a/3", "Card"}}, {{"pci-a", 1, 1, 3, {{3, 1}}}}},
        Case{"a_pi_is_at_its_worst_in_its_rom", {{"pci-a/3", "RaspberryPi-CM4"}}, {{"pci-a", 1, 1, 5, {{3, 1}}}}},
        Case{"a_hub_counts_once",
             {{"pci-a/1.1", "Card"}, {"pci-a/1.2", "NXP-iMX6"}},
             {{"pci-a", 2, 3, 2 + 3 + 3, {{1, 2}}}}},
        Case{"a_hub_behind_a_hub",
             {{"pci-a/1.4.1", "Card"}, {"pci-a/1.1", "Card"}},
             {{"pci-a", 2, 4, 2 + 2 + 3 + 3, {{1, 2}}}}},
        Case{"two_cards_in_one_reader_are_one_device_and_two_rates",
             {{"pci-a/2#0", "Card"}, {"pci-a/2#1", "Card"}},
             {{"pci-a", 2, 1, 3, {{2, 2}}}}},
        Case{"controllers_are_counted_by_themselves",
             {{"pci-b/1", "Card"}, {"pci-a/1", "Card"}, {"pci-a/2", "Card"}},
             {{"pci-a", 2, 2, 6, {{1, 1}, {2, 1}}}, {"pci-b", 1, 1, 3, {{1, 1}}}}}),
    [](const auto& row) { return row.param.name; });

struct Judged {
  const char* name;
  ControllerBudget budget;
  std::vector<Errc> findings;
};

class OverBudget : public ::testing::TestWithParam<Judged> {};

TEST_P(OverBudget, is_told_one_past_the_limit) {
  std::vector<Errc> codes;
  for (const Error& each : over_budget(GetParam().budget)) codes.push_back(each.code);
  EXPECT_EQ(codes, GetParam().findings);
}

INSTANTIATE_TEST_SUITE_P(
    Station, OverBudget,
    ::testing::Values(Judged{"at_all_limits", {"pci-a", 4, 32, 64, {{1, 2}, {2, 2}}}, {}},
                      Judged{"one_device_too_many", {"pci-a", 1, 33, 64, {{1, 1}}}, {errc::usb_devices}},
                      Judged{"one_endpoint_too_many", {"pci-a", 1, 32, 65, {{1, 1}}}, {errc::usb_devices}},
                      Judged{"three_boards_behind_one_port", {"pci-a", 3, 4, 11, {{1, 3}}}, {errc::usb_bandwidth}},
                      Judged{"each_port_by_itself",
                             {"pci-a", 6, 40, 80, {{1, 3}, {2, 3}}},
                             {errc::usb_devices, errc::usb_bandwidth, errc::usb_bandwidth}}),
    [](const auto& row) { return row.param.name; });

TEST(BusBudgetText, is_shown_in_a_line) {
  EXPECT_EQ(to_text({"pci-a", 3, 5, 13, {{1, 2}, {4, 1}}}),
            "pci-a: 3 slots, 5 of 32 devices, 13 of 64 endpoints; port 1: 40 of 40 MB/s; port 4: 20 of 40 MB/s");
  const auto findings = over_budget({"pci-a", 16, 18, 50, {{1, 16}}});
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_THAT(findings[0].detail, HasSubstr("16 slots behind port 1 of pci-a share 40 MB/s: 2.5 MB/s for each"));
}

}  // namespace
}  // namespace flashline::line
