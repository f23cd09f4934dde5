#include "transport/rpiboot/file_server.h"

#include <gtest/gtest.h>

#include "imaging/core/errors/rpiboot.h"
#include "imaging/core/errors/usb.h"
#include "imaging/core/little_endian.h"
#include "tests/transport/rpiboot/pi_pair.h"

namespace flashline::transport {
namespace {

using lab::PiAsk;
using lab::PiFileServer;
using tests::golden;
using End = FileServerOutcome::End;
using ServerPair = PiPair<PiFileServer>;

std::shared_ptr<PiFileServer> board(std::vector<PiAsk> asks, lab::PiBoardPlan plan = {}) {
  return std::make_shared<PiFileServer>(std::move(plan), std::move(asks));
}

FileServerOutcome served(ServerPair& pair, FileServerRules rules = {.needed = "boot.img"},
                         BootFiles files = cm4_files()) {
  return tests::awaited(pair.context, serve_files(pair.pipe, files, std::move(rules), no_waiting));
}

std::string code_of_error(const FileServerOutcome& outcome) {
  return outcome.error ? std::string{code_of(outcome.error->code)} : "";
}

TEST(PiFileServer, GivesACm4WhatItAsksForInTheWordsOfTheVendorsTool) {
  ServerPair pair{board(lab::cm4_asks())};
  const auto outcome = served(pair);
  EXPECT_EQ(code_of_error(outcome), "");
  EXPECT_EQ(pair.log->text(), golden("usb/pi-files-2711.txt", pair.log->text()));
  EXPECT_EQ(outcome.end, End::done);
  EXPECT_EQ(outcome.last_served, "boot.img");
  EXPECT_EQ(outcome.asked.size(), 2U * 5 + 8);
  EXPECT_EQ(pair.stage->files().at("boot.img"), told_content(300000, 4));
  EXPECT_EQ(pair.stage->missing().size(), 8U);
  EXPECT_EQ(to_text(outcome.asked, 7), "memsys08.bin (missing), bootmain, config.txt, boot.img");
}

TEST(PiFileServer, SpeaksTheSameToTheOtherChips) {
  struct Case {
    const char* log;
    lab::PiBoardPlan plan;
    std::vector<PiAsk> asks;
  };
  using Kind = PiAsk::Kind;
  const std::vector<Case> cases{
      {"usb/pi-files-2764-two-interfaces.txt",
       {.product = 0x2764, .two_interfaces = true},
       {{.name = "config.txt"},
        {.name = "overlays/none.dtbo"},
        {.kind = Kind::contents, .name = "boot.sig"},
        {.kind = Kind::contents, .name = "boot.img"},
        {.kind = Kind::end}}},
      {"usb/pi-files-2712.txt",
       {.product = 0x2712},
       {{.name = "config.txt"}, {.name = "boot.img"}, {.name = "boot.sig"}, {.kind = Kind::done}}}};
  for (const auto& each : cases) {
    const std::uint8_t interface = each.plan.two_interfaces ? 1 : 0;
    ServerPair pair{board(each.asks, each.plan), {}, interface};
    EXPECT_EQ(code_of_error(served(pair)), "") << each.log;
    EXPECT_EQ(pair.log->text(), golden(each.log, pair.log->text()));
    EXPECT_EQ(pair.stage->files().at("boot.img"), told_content(300000, 4)) << each.log;
  }
}

TEST(PiFileServer, TakesMetadataOutOfNames) {
  ServerPair pair{board(lab::metadata_asks())};
  const auto outcome = served(pair, {});
  EXPECT_EQ(code_of_error(outcome), "");
  EXPECT_EQ(pair.log->text(), golden("usb/pi-metadata-2711.txt", pair.log->text()));
  EXPECT_EQ(outcome.metadata.size(), 5U);
  EXPECT_EQ(outcome.metadata.at("MAC_ADDR"), "DC:A6:32:01:02:03");
  EXPECT_EQ(outcome.metadata.at("FACTORY_UUID"), "5878QAVD01P");
}

TEST(PiFileServer, ServesOnTheSecondOfTwoInterfaces) {
  ServerPair pair{
      board({{.name = "boot.img"}, {.kind = PiAsk::Kind::done}}, {.product = 0x2764, .two_interfaces = true}), {}, 1};
  EXPECT_EQ(code_of_error(served(pair)), "");
  EXPECT_EQ(pair.stage->files().at("boot.img").size(), 300000U);
}

TEST(PiFileServer, WaitsForABoardThatUnpacks) {
  ServerPair pair{board(lab::cm4_asks())};
  pair.stage->busy = 20;  // two time-outs
  EXPECT_EQ(code_of_error(served(pair)), "");
}

TEST(PiFileServer, IsDoneWhenTheBoardLeavesWithWhatItNeeds) {
  ServerPair pair{board({{.name = "config.txt"}, {.name = "BOOT.IMG"}})};
  pair.stage->leaves_silently = true;
  const auto outcome = served(pair);
  EXPECT_EQ(code_of_error(outcome), "");
  EXPECT_EQ(outcome.end, End::left);
}

PiAsk raw(lab::Bytes bytes) { return {.kind = PiAsk::Kind::raw, .raw = std::move(bytes)}; }
PiAsk raw(std::uint32_t command, std::byte fill) {
  lab::Bytes bytes(260, fill);
  store32(bytes, command);
  return raw(std::move(bytes));
}

struct BadBoard {
  const char* name;
  std::vector<PiAsk> asks;
  std::string_view code;
  std::string_view says = "";
};
class BadPi : public ::testing::TestWithParam<BadBoard> {};

TEST_P(BadPi, GetsTheRightCode) {
  ServerPair pair{board(GetParam().asks)};
  const auto outcome = served(pair, {.needed = "boot.img", .most_requests = 50});
  EXPECT_EQ(code_of_error(outcome), GetParam().code);
  ASSERT_TRUE(outcome.error);
  EXPECT_NE(outcome.error->detail.find(GetParam().says), std::string::npos) << outcome.error->detail;
}

INSTANTIATE_TEST_SUITE_P(
    Table, BadPi,
    ::testing::Values(
        BadBoard{"wants_nothing", {{.kind = PiAsk::Kind::end}}, "FL-RPI-023", "asked last: nothing"},
        BadBoard{"is_done_too_early", {{.name = "mcb.bin"}, {.kind = PiAsk::Kind::done}}, "FL-RPI-023", "mcb.bin"},
        BadBoard{"asks_for_nothing", {}, "FL-RPI-020"},
        BadBoard{"falls_silent", {{.name = "mcb.bin"}}, "FL-RPI-020", "mcb.bin"},
        BadBoard{"sends_too_little", {raw(lab::Bytes(100))}, "FL-RPI-021"},
        BadBoard{"sends_nothing", {raw(lab::Bytes{})}, "FL-RPI-021"},
        BadBoard{"has_an_unknown_command", {raw(3, std::byte{0})}, "FL-RPI-021", "0x3"},
        BadBoard{"sends_garbage", {raw(0xffff'ffff, std::byte{0xff})}, "FL-RPI-021"},
        BadBoard{"has_a_name_without_end", {raw(0, std::byte{'a'})}, "FL-RPI-021", "without end"},
        BadBoard{"asks_for_ever", std::vector<PiAsk>(60, PiAsk{.name = "none"}), "FL-RPI-022", "none (missing)"},
        BadBoard{"climbs_out",
                 {{.name = "../../etc/shadow"}, {.kind = PiAsk::Kind::done}},
                 "FL-RPI-023",
                 "../../etc/shadow (refused)"},
        BadBoard{"has_control_characters_in_names",
                 {{.name = "a\n\x1b[2J"}, {.kind = PiAsk::Kind::done}},
                 "FL-RPI-023",
                 "a??[2J (refused)"}),
    [](const auto& row) { return row.param.name; });

TEST(PiFileServer, KeepsMetadataOfAGarrulousBoardInBounds) {
  std::vector<PiAsk> asks;
  for (int key = 0; key < 500; ++key)
    asks.push_back({.kind = PiAsk::Kind::contents, .name = "*K" + std::to_string(key) + "*v"});
  asks.push_back({.kind = PiAsk::Kind::end});
  ServerPair pair{board(asks)};
  EXPECT_EQ(served(pair, {}).metadata.size(), 64U);
}

TEST(PiFileServer, RefusesABoardThatIsInItsRom) {
  PiPair<lab::PiBootRom> pair{std::make_shared<lab::PiBootRom>()};
  const BootFiles files;
  const auto outcome = tests::awaited(pair.context, serve_files(pair.pipe, files, {}, no_waiting));
  EXPECT_EQ(outcome.error->code, errc::rpi_wrong_stage);
  EXPECT_EQ(pair.log->text(), "");
}

}  // namespace
}  // namespace flashline::transport
