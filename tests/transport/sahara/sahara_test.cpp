// A programmer on its way into a Qualcomm chip.
#include "transport/sahara/sahara.h"

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include "imaging/core/errors/sahara.h"
#include "imaging/core/errors/usb.h"
#include "imaging/core/little_endian.h"
#include "tests/fakes/awaited.h"
#include "tests/fakes/golden.h"
#include "tests/fakes/scripted_board.h"
#include "tests/lab/emulators/boot_images.h"
#include "tests/lab/emulators/emulated_pipe.h"
#include "tests/lab/emulators/faulty_device.h"
#include "tests/lab/emulators/firehose_programmer.h"
#include "tests/lab/emulators/sahara_rom.h"
#include "tests/lab/emulators/wire_log.h"
#include "transport/sahara/sahara_packet.h"

namespace flashline::transport {
namespace {

using lab::Bytes;
using tests::awaited;

const PortPath port{"platform-vhci_hcd.0", {1}};
const Bytes programmer = lab::pattern(60000, 5);

Result<SaharaOutcome> loaded(const std::shared_ptr<lab::EmulatedDevice>& device, SaharaOptions options = {}) {
  boost::asio::io_context context;
  lab::EmulatedPipe pipe{device, port};
  return awaited(context, load_programmer(pipe, programmer, std::move(options)));
}

Bytes packet(std::uint32_t command, std::initializer_list<std::uint32_t> body, std::uint32_t length = 0) {
  Bytes bytes(8 + 4 * body.size());
  store32(bytes, command);
  store32(std::span{bytes}.subspan(4), length != 0 ? length : static_cast<std::uint32_t>(bytes.size()));
  std::size_t at = 8;
  for (const std::uint32_t each : body) {
    store32(std::span{bytes}.subspan(at), each);
    at += 4;
  }
  return bytes;
}
Bytes hello(std::uint32_t mode = 0) { return packet(1, {2, 1, 1024, mode, 0, 0, 0, 0, 0, 0}); }

struct RomCase {
  const char* name;
  lab::SaharaRomPlan plan;
  const char* serial;
};

class SaharaRoms : public testing::TestWithParam<RomCase> {};

TEST_P(SaharaRoms, GetTheWholeProgrammer) {
  const auto rom = std::make_shared<lab::SaharaRom>(GetParam().plan);
  const auto outcome = loaded(rom);
  ASSERT_TRUE(outcome) << to_text(outcome.error());
  EXPECT_TRUE(rom->runs());
  EXPECT_EQ(rom->image(), programmer);
  EXPECT_EQ(outcome->sent, programmer.size());
  EXPECT_EQ(outcome->serial, GetParam().serial);
  EXPECT_FALSE(outcome->firehose_runs);
}

INSTANTIATE_TEST_SUITE_P(Sahara, SaharaRoms,
                         testing::Values(RomCase{"msm8916", {}, "1A2B3C4D"},
                                         RomCase{"wide_reads", {.reads_64 = true}, "1A2B3C4D"},
                                         RomCase{"odd_pieces", {.piece = 777}, "1A2B3C4D"},
                                         RomCase{"whole_packets", {.piece = 512}, "1A2B3C4D"},
                                         RomCase{"one_piece", {.piece = 1U << 20U}, "1A2B3C4D"},
                                         RomCase{"says_complete", {.says_pending = false}, "1A2B3C4D"},
                                         RomCase{"knows_no_commands", {.has_commands = false}, ""}),
                         [](const auto& row) { return std::string{row.param.name}; });

TEST(Sahara, LeavesTheSerialAloneWhenItIsToldTo) {
  const auto rom = std::make_shared<lab::SaharaRom>(lab::SaharaRomPlan{});
  SaharaOptions options;
  options.ask_serial = false;
  const auto outcome = loaded(rom, options);
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->serial, "");
  EXPECT_TRUE(rom->runs());
}

TEST(Sahara, FindsAProgrammerThatRunsAlready) {
  EXPECT_TRUE(loaded(std::make_shared<lab::FirehoseProgrammer>())->firehose_runs);
  EXPECT_TRUE(loaded(std::make_shared<tests::ScriptedBoard>(std::deque<Bytes>{}))->firehose_runs)
      << "or nothing speaks";
}

TEST(Sahara, FindsTheSerialInTheProductString) {
  EXPECT_EQ(serial_in_product("QUSB_BULK_CID:0404_SN:1A2B3C4D"), "1A2B3C4D");
  EXPECT_EQ(serial_in_product("QHSUSB__BULK"), "");
  EXPECT_EQ(serial_in_product("_SN:1A2B"), "");
  EXPECT_EQ(serial_in_product("_SN:1A2B3C4D5"), "");
}

TEST(Sahara, RefusesAnEmptyProgrammerBeforeItAsksTheChip) {
  boost::asio::io_context context;
  lab::EmulatedPipe pipe{std::make_shared<lab::SaharaRom>(lab::SaharaRomPlan{}), port};
  const auto outcome = awaited(context, load_programmer(pipe, {}));
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, errc::sahara_programmer);
}

struct BadCase {
  const char* name;
  std::deque<Bytes> says;
  Errc code;
};

class BadSahara : public testing::TestWithParam<BadCase> {};

TEST_P(BadSahara, EndsWithItsCode) {
  const auto board = std::make_shared<tests::ScriptedBoard>(GetParam().says, true);
  SaharaOptions options;
  options.ask_serial = false;
  const auto outcome = loaded(board, options);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, GetParam().code) << outcome.error().detail;
  EXPECT_LT(board->taken(), programmer.size() * 9) << "a board that asks for ever is not answered for ever";
}

INSTANTIATE_TEST_SUITE_P(
    Sahara, BadSahara,
    testing::Values(
        BadCase{"empty_packet", {Bytes{}}, errc::sahara_reply}, BadCase{"short_packet", {Bytes(7)}, errc::sahara_reply},
        BadCase{"text", {tests::as_bytes("login: please")}, errc::sahara_reply},
        BadCase{"length_too_long", {packet(1, {2, 1, 1024, 0, 0, 0, 0, 0, 0, 0}, 0x31)}, errc::sahara_reply},
        BadCase{"length_huge", {packet(1, {2, 1, 1024, 0, 0, 0, 0, 0, 0, 0}, 0xffffffff)}, errc::sahara_reply},
        BadCase{"length_0", {packet(1, {2, 1}, 0)}, errc::sahara_reply},
        BadCase{"memory_debug", {hello(2)}, errc::sahara_mode},
        BadCase{"no_hello_first", {packet(3, {13, 0, 4096})}, errc::sahara_reply},
        BadCase{"unknown_command", {hello(), packet(0x77, {})}, errc::sahara_reply},
        BadCase{"a_hosts_packet", {hello(), packet(5, {})}, errc::sahara_reply},
        BadCase{"hello_again", {hello()}, errc::sahara_reply},
        BadCase{"read_of_another_length", {hello(), packet(3, {13, 0, 4096, 0})}, errc::sahara_reply},
        BadCase{"read_of_nothing", {hello(), packet(3, {13, 0, 0})}, errc::sahara_programmer},
        BadCase{"read_past_the_end", {hello(), packet(3, {13, 59999, 2})}, errc::sahara_programmer},
        BadCase{"read_behind_the_end", {hello(), packet(3, {13, 60001, 1})}, errc::sahara_programmer},
        BadCase{"read_of_everything", {hello(), packet(3, {13, 1, 0xffffffff})}, errc::sahara_programmer},
        BadCase{"wide_read_that_overflows",
                {hello(), packet(0x12, {13, 0, 8, 0, 0xfffffff9, 0xffffffff})},
                errc::sahara_programmer},
        BadCase{"another_image", {hello(), packet(3, {7, 0, 512})}, errc::sahara_programmer},
        BadCase{"reads_for_ever", {hello(), packet(3, {13, 0, 4096})}, errc::sahara_programmer},
        BadCase{
            "programmer_not_signed", {hello(), packet(3, {13, 0, 4096}), packet(4, {13, 0x0f})}, errc::sahara_refused},
        BadCase{"end_before_any_read", {hello(), packet(4, {13, 0})}, errc::sahara_reply},
        BadCase{"no_end_of_the_end",
                {hello(), packet(3, {13, 0, 4096}), packet(4, {13, 0}), packet(6, {2})},
                errc::sahara_reply}),
    [](const auto& row) { return std::string{row.param.name}; });

struct SerialCase {
  const char* name;
  std::deque<Bytes> says;
};
class BadSerial : public testing::TestWithParam<SerialCase> {};

TEST_P(BadSerial, IsNoSerial) {
  const auto outcome = loaded(std::make_shared<tests::ScriptedBoard>(GetParam().says));
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, errc::sahara_reply) << outcome.error().detail;
}

INSTANTIATE_TEST_SUITE_P(
    Sahara, BadSerial,
    testing::Values(SerialCase{"of_another_command", {hello(), packet(0xb, {}), packet(0xe, {2, 4}), Bytes(4)}},
                    SerialCase{"of_no_bytes", {hello(), packet(0xb, {}), packet(0xe, {1, 0}), Bytes{}}},
                    SerialCase{"of_4_GiB", {hello(), packet(0xb, {}), packet(0xe, {1, 0xffffffff}), Bytes(4)}},
                    SerialCase{"shorter_than_said", {hello(), packet(0xb, {}), packet(0xe, {1, 8}), Bytes(4)}},
                    SerialCase{"no_hello_after_it",
                               {hello(), packet(0xb, {}), packet(0xe, {1, 4}), Bytes(4), packet(0xb, {})}}),
    [](const auto& row) { return std::string{row.param.name}; });

TEST(Sahara, GoesOnWithoutSerialWhereCommandsEndInAReset) {
  const auto board = std::make_shared<tests::ScriptedBoard>(std::deque<Bytes>{hello(), packet(4, {0, 5}), packet(8, {}),
                                                                              hello(), packet(3, {13, 0, 60000}),
                                                                              packet(4, {13, 0}), packet(6, {1})});
  const auto outcome = loaded(board);
  ASSERT_TRUE(outcome) << to_text(outcome.error());
  EXPECT_EQ(outcome->serial, "");
  EXPECT_EQ(outcome->sent, 60000U);
}

// As Debian's qdl and the chip spoke: pieces of 4 KiB, an empty packet behind each, "pending" at the end.
TEST(Sahara, SoundsLikeThis) {
  lab::SaharaRomPlan plan;
  plan.programmer_size = 10000;
  const auto log = std::make_shared<lab::WireLog>(std::make_shared<lab::SaharaRom>(plan));
  boost::asio::io_context context;
  lab::EmulatedPipe pipe{log, port};
  ASSERT_TRUE(awaited(context, load_programmer(pipe, std::span{programmer}.first(10000))));
  EXPECT_EQ(log->text(), tests::golden("usb/sahara-msm8916.txt", log->text()));
}

struct FaultRow {
  lab::Fault::Kind kind;
  lab::Fault::On on;
  std::uint64_t after;
  const char* outcome;
};

class SaharaFaults : public testing::TestWithParam<FaultRow> {};

TEST_P(SaharaFaults, EndWithTheirCode) {
  const FaultRow& row = GetParam();
  const auto rom = std::make_shared<lab::SaharaRom>(lab::SaharaRomPlan{});
  const auto faulty = std::make_shared<lab::FaultyDevice>(rom, lab::Fault{row.kind, row.on, row.after});
  const auto outcome = loaded(faulty);
  EXPECT_TRUE(faulty->struck());
  EXPECT_EQ(outcome ? (outcome->firehose_runs ? "no hello" : "runs") : std::string{code_of(outcome.error().code)},
            row.outcome)
      << (outcome ? std::string{} : outcome.error().detail);
}

using Kind = lab::Fault::Kind;
using On = lab::Fault::On;

// The chip says: hello, ready, executed, serial, hello, 15 reads, end, done.
INSTANTIATE_TEST_SUITE_P(
    Sahara, SaharaFaults,
    testing::Values(
        FaultRow{Kind::stall, On::in, 1, "FL-USB-002"}, FaultRow{Kind::stall, On::in, 8, "FL-USB-002"},
        FaultRow{Kind::silence, On::in, 1, "no hello"}, FaultRow{Kind::silence, On::in, 2, "FL-USB-003"},
        FaultRow{Kind::silence, On::in, 10, "FL-USB-003"}, FaultRow{Kind::silence, On::in, 22, "FL-USB-003"},
        FaultRow{Kind::link_error, On::in, 1, "FL-USB-004"}, FaultRow{Kind::link_error, On::in, 12, "FL-USB-004"},
        FaultRow{Kind::unplug, On::in, 1, "FL-USB-001"}, FaultRow{Kind::unplug, On::in, 12, "FL-USB-001"},
        FaultRow{Kind::garbage, On::in, 1, "FL-EDL-001"}, FaultRow{Kind::garbage, On::in, 2, "FL-EDL-001"},
        FaultRow{Kind::garbage, On::in, 12, "FL-EDL-001"}, FaultRow{Kind::garbage, On::in, 22, "FL-EDL-001"},
        FaultRow{Kind::short_take, On::in, 1, "FL-EDL-001"}, FaultRow{Kind::stall, On::out, 1, "FL-USB-002"},
        FaultRow{Kind::stall, On::out, 30000, "FL-USB-002"}, FaultRow{Kind::silence, On::out, 1, "FL-USB-003"},
        FaultRow{Kind::silence, On::out, 30000, "FL-USB-003"}, FaultRow{Kind::link_error, On::out, 30000, "FL-USB-004"},
        FaultRow{Kind::short_take, On::out, 1, "FL-USB-005"}, FaultRow{Kind::short_take, On::out, 30000, "FL-USB-005"},
        FaultRow{Kind::unplug, On::out, 1, "FL-USB-001"}, FaultRow{Kind::unplug, On::out, 30000, "FL-USB-001"}),
    [](const auto& row) {
      std::string name = std::string{lab::name_of(row.param.kind)} + "_" + std::string{lab::name_of(row.param.on)} +
                         "_" + std::to_string(row.param.after);
      std::ranges::replace(name, '-', '_');
      return name;
    });

}  // namespace
}  // namespace flashline::transport
