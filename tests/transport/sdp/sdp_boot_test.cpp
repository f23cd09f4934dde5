// NXP boards from ROM to U-Boot, each played by a program that looks at what it is given.
#include "transport/sdp/sdp_boot.h"

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include "imaging/core/errors/sdp.h"
#include "imaging/core/errors/usb.h"
#include "tests/fakes/awaited.h"
#include "tests/fakes/golden.h"
#include "tests/lab/emulators/boot_images.h"
#include "tests/lab/emulators/emulated_pipe.h"
#include "tests/lab/emulators/faulty_device.h"
#include "tests/lab/emulators/sdp_rom.h"
#include "tests/lab/emulators/sdps_rom.h"
#include "tests/lab/emulators/wire_log.h"
#include "transport/sdp/sdp_rom.h"

namespace flashline::transport {
namespace {

using lab::Bytes;
using lab::EmulatedDevice;
using tests::awaited;

const PortPath port{"platform-vhci_hcd.0", {1}};

SdpChip chip_of(const EmulatedDevice& device) {
  const UsbFacts facts = lab::facts_of(device.descriptors(), port);
  return find_sdp_chip(facts.vendor, facts.product, facts.release).value();
}

Result<SdpOutcome> booted(const std::shared_ptr<EmulatedDevice>& device, const Bytes& image, SdpOptions options = {}) {
  boost::asio::io_context context;
  lab::EmulatedPipe pipe{device, port};
  return awaited(context, boot_sdp(pipe, chip_of(*device), image, std::move(options)));
}

lab::IvtImagePlan ocram_image() { return {.self = 0x007e1000, .length = 5000, .dcd_length = 0}; }

TEST(SdpChips, AreFoundByWhatTheyEnumerateAs) {
  EXPECT_EQ(find_sdp_chip(0x15a2, 0x0054, 1)->name, "i.MX6Q");
  EXPECT_EQ(find_sdp_chip(0x15a2, 0x0076, 1)->scratch, 0x00911000U);
  EXPECT_FALSE(find_sdp_chip(0x1fc9, 0x012f, 1)) << "the first 8QXP spoke another protocol";
  EXPECT_EQ(find_sdp_chip(0x1fc9, 0x012f, 2)->report_size(), 1024);
  EXPECT_EQ(find_sdp_chip(0x1fc9, 0x0146, 1)->report_size(), 1020);
  EXPECT_FALSE(find_sdp_chip(0x1fc9, 0x0151, 0x04ff)->skips_spl);
  EXPECT_TRUE(find_sdp_chip(0x1fc9, 0x0151, 0x0500)->skips_spl);
  EXPECT_FALSE(find_sdp_chip(0x1fc9, 0x0151, 0x9999)->skips_spl);
  EXPECT_FALSE(find_sdp_chip(0x0a5c, 0x2711, 0));
}

TEST(SdpBoot, OfAnImx6SetsItsMemoryUpBeforeItWritesThere) {
  const auto rom = std::make_shared<lab::SdpRomDevice>(lab::imx6q());
  const Bytes image = lab::ivt_image({.table_at = 0x400, .rest = 300});
  const auto outcome = booted(rom, image);
  ASSERT_TRUE(outcome) << to_text(outcome.error());
  EXPECT_EQ(outcome->sent, 5000U);
  EXPECT_FALSE(outcome->closed);
  EXPECT_EQ(rom->runs(), 0x277ff400U);
  EXPECT_EQ(rom->dcd(), Bytes(image.begin() + 0x440, image.begin() + 0x440 + 40));

  Bytes expected{image.begin() + 0x400, image.begin() + 0x400 + 5000};
  std::fill_n(expected.begin() + 12, 4, std::byte{0});  // its DCD must not run a second time
  EXPECT_EQ(rom->memory().read(0x277ff400, 5000), expected);
}

TEST(SdpBoot, OfAnImx8mSkipsTheDcdAndKnowsTheChipsId) {
  const auto rom = std::make_shared<lab::SdpRomDevice>(lab::imx8mm());
  const Bytes image = lab::ivt_image(ocram_image());
  const auto outcome = booted(rom, image);
  ASSERT_TRUE(outcome) << to_text(outcome.error());
  EXPECT_EQ(outcome->uid, "0123456789ABCDEF");
  EXPECT_TRUE(rom->skipped_dcd());
  EXPECT_EQ(rom->runs(), 0x007e1000U);
  EXPECT_EQ(rom->memory().read(0x007e1000, 5000), image);
}

TEST(SdpBoot, ImagesOfSeveralMiBTakeSeveralCommands) {
  const auto rom = std::make_shared<lab::SdpRomDevice>(lab::imx6q());
  const std::size_t length = (4U << 20U) + 1234;
  const Bytes image = lab::ivt_image({.length = length});
  std::vector<std::uint64_t> sent;
  SdpOptions options;
  options.on_progress = [&](std::uint64_t bytes, std::uint64_t total) {
    if (total == length) sent.push_back(bytes);
  };
  ASSERT_TRUE(booted(rom, image, options));
  EXPECT_TRUE(std::ranges::is_sorted(sent));
  EXPECT_EQ(sent.back(), length);
  const Bytes tail{image.end() - 4096, image.end()};
  EXPECT_EQ(rom->memory().read(0x277ff400 + length - 4096, 4096), tail);
}

TEST(SdpBoot, OfAClosedChipWantsASignatureBeforeAnyByteIsSent) {
  lab::SdpRomPlan plan = lab::imx6q();
  plan.closed = true;
  const auto refuses = std::make_shared<lab::SdpRomDevice>(plan);
  const auto outcome = booted(refuses, lab::ivt_image({}));
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, errc::sdp_closed);
  EXPECT_EQ(refuses->file_size(), 0U);
  EXPECT_TRUE(refuses->dcd().empty());

  const auto runs = std::make_shared<lab::SdpRomDevice>(plan);
  const auto ran = booted(runs, lab::ivt_image({.is_signed = true}));
  ASSERT_TRUE(ran) << to_text(ran.error());
  EXPECT_TRUE(ran->closed);
  EXPECT_TRUE(runs->runs());
}

TEST(SdpBoot, SaysWhatTheRomThinksOfAnImageThatItDoesNotRun) {
  // The chip that is played here would run the DCD once more, since nobody tells it not to.
  lab::SdpRomPlan plan = lab::imx6q();
  boost::asio::io_context context;
  const auto rom = std::make_shared<lab::SdpRomDevice>(plan);
  lab::EmulatedPipe pipe{rom, port};
  SdpRom sdp{SdpReports::over(pipe, chip_of(*rom), {}).value(), true};
  const auto status = awaited(context, sdp.jump(0x00907000, SdpOptions{}.leave));
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, errc::sdp_refused);
  EXPECT_NE(status.error().detail.find("33c02233"), std::string::npos);
}

TEST(SdpBoot, SplGetsWhatLiesBehindIt) {
  struct Row {
    const char* name;
    bool skips;
    Bytes image;
    std::size_t from;
  };
  const lab::ContainerPlan container{.images = {3000, 700}, .rest = 4321};
  const std::array rows{
      Row{"fixed place", false, lab::pattern(0x57c00 + 3333, 1), 0x57c00},
      Row{"behind a table's image", true, lab::ivt_image({.length = 3000, .rest = 2500}), 3000},
      Row{"behind containers", true, lab::container_image(container), lab::container_set_size(container)},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    const auto spl = std::make_shared<lab::SdpRomDevice>(lab::imx_spl(row.skips));
    const auto outcome = booted(spl, row.image);
    ASSERT_TRUE(outcome) << to_text(outcome.error());
    EXPECT_EQ(spl->runs(), 0U);
    const Bytes expected{row.image.begin() + static_cast<std::ptrdiff_t>(row.from), row.image.end()};
    EXPECT_EQ(spl->file_size(), expected.size());
    EXPECT_EQ(spl->memory().read(0, expected.size()), expected);
  }
}

TEST(SdpBoot, StreamsEndWithTheFirstSetOfContainers) {
  for (const lab::SdpsRomPlan& plan : {lab::imx93(), lab::imx8qxp()}) {
    const auto rom = std::make_shared<lab::SdpsRomDevice>(plan);
    const lab::ContainerPlan container{.images = {3000, 5000}};
    const Bytes image = lab::container_image(container);
    const auto outcome = booted(rom, image);
    ASSERT_TRUE(outcome) << to_text(outcome.error());
    EXPECT_EQ(outcome->sent, lab::container_set_size(container));
    EXPECT_EQ(outcome->uid, "AB0011223344CDEF");
    EXPECT_TRUE(rom->runs());
    ASSERT_GE(rom->stream().size(), outcome->sent);
    EXPECT_TRUE(
        std::equal(image.begin(), image.begin() + static_cast<std::ptrdiff_t>(outcome->sent), rom->stream().begin()));
  }
}

TEST(SdpBoot, StreamsWithATableGoOnIntoTheFirstStage) {
  lab::SdpsRomPlan plan = lab::imx8mp();
  plan.stage_bytes = 7000;
  const auto rom = std::make_shared<lab::SdpsRomDevice>(plan);
  lab::IvtImagePlan image = ocram_image();
  image.rest = 7000;
  const auto outcome = booted(rom, lab::ivt_image(image));
  ASSERT_TRUE(outcome) << to_text(outcome.error());
  EXPECT_EQ(outcome->sent, 12000U);
  EXPECT_TRUE(rom->runs());
}

TEST(SdpBoot, OfAnImx28AnnouncesItself) {
  const auto rom = std::make_shared<lab::SdpsRomDevice>(lab::imx28());
  const Bytes image = lab::pattern(3000, 4);
  ASSERT_TRUE(booted(rom, image));
  EXPECT_TRUE(rom->runs());
  EXPECT_TRUE(std::equal(image.begin(), image.end(), rom->stream().begin()));
}

TEST(SdpBoot, RefusesFilesThatAreNoBootImageBeforeItAsksTheChip) {
  struct Row {
    const char* name;
    std::shared_ptr<EmulatedDevice> device;
    Bytes image;
  };
  Bytes short_container = lab::container_image({.rest = 0});
  short_container.resize(short_container.size() - 2048);
  const std::array rows{
      Row{"empty", std::make_shared<lab::SdpRomDevice>(lab::imx6q()), {}},
      Row{"no table", std::make_shared<lab::SdpRomDevice>(lab::imx6q()), lab::pattern(4000, 3)},
      Row{"no container", std::make_shared<lab::SdpsRomDevice>(lab::imx93()), lab::pattern(4000, 3)},
      Row{"cut container", std::make_shared<lab::SdpsRomDevice>(lab::imx93()), short_container},
      Row{"nothing behind SPL", std::make_shared<lab::SdpRomDevice>(lab::imx_spl(true)), lab::ivt_image({})},
      Row{"shorter than SPL", std::make_shared<lab::SdpRomDevice>(lab::imx_spl(false)), lab::pattern(4000, 3)},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    const auto log = std::make_shared<lab::WireLog>(row.device);
    const auto outcome = booted(log, row.image);
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, errc::sdp_image);
    EXPECT_EQ(log->text(), "");
  }
}

TEST(SdpBoot, NeedsTheEndpointsThatItsChipHas) {
  boost::asio::io_context context;
  const auto rom = std::make_shared<lab::SdpRomDevice>(lab::imx6q());
  lab::EmulatedPipe pipe{rom, port};
  const auto outcome = awaited(context, boot_sdp(pipe, find_sdp_chip(0x1fc9, 0x0146, 1).value(), lab::ivt_image({})));
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, errc::usb_no_interface);
}

TEST(SdpRegisters, AreReadAndWritten) {
  boost::asio::io_context context;
  const auto rom = std::make_shared<lab::SdpRomDevice>(lab::imx6q());
  lab::EmulatedPipe pipe{rom, port};
  SdpRom sdp{SdpReports::over(pipe, chip_of(*rom), {}).value(), true};
  ASSERT_TRUE(awaited(context, sdp.write_register(0x020d8000, 0x11223344)));
  EXPECT_EQ(awaited(context, sdp.read_register(0x020d8000)).value(), 0x11223344U);
}

// What uuu 1.4.193 sent to such a chip, seen on the wire: SET_REPORT 0x0201 of 17 bytes, then 0x0202 of 1025 bytes
// each, five for 5000 bytes.
TEST(SdpBoot, SendsWhatNxpsOwnToolSends) {
  const auto log = std::make_shared<lab::WireLog>(std::make_shared<lab::SdpRomDevice>(lab::imx6q()));
  ASSERT_TRUE(booted(log, lab::ivt_image({})));
  EXPECT_EQ(log->text(), tests::golden("usb/sdp-imx6q.txt", log->text()));

  const auto mp = std::make_shared<lab::WireLog>(std::make_shared<lab::SdpsRomDevice>(lab::imx8mp()));
  ASSERT_TRUE(booted(mp, lab::ivt_image(ocram_image())));
  EXPECT_EQ(mp->text(), tests::golden("usb/sdps-imx8mp.txt", mp->text()));

  const auto spl = std::make_shared<lab::WireLog>(std::make_shared<lab::SdpRomDevice>(lab::imx_spl(true)));
  ASSERT_TRUE(booted(spl, lab::ivt_image({.length = 3000, .rest = 2500})));
  EXPECT_EQ(spl->text(), tests::golden("usb/sdp-spl.txt", spl->text()));
}

struct FaultRow {
  const char* stage;
  lab::Fault::Kind kind;
  lab::Fault::On on;
  std::uint64_t after;  ///< bytes of OUT and control, answers of IN
  const char* outcome;  ///< a code, or "runs"
};

std::string name_of_row(const testing::TestParamInfo<FaultRow>& row) {
  std::string name = std::string{row.param.stage} + "_" + std::string{lab::name_of(row.param.kind)} + "_" +
                     std::string{lab::name_of(row.param.on)} + "_" + std::to_string(row.param.after);
  std::ranges::replace(name, '-', '_');
  return name;
}

class SdpFaults : public testing::TestWithParam<FaultRow> {};

TEST_P(SdpFaults, EndWithTheirCode) {
  const FaultRow& row = GetParam();
  std::shared_ptr<EmulatedDevice> stage;
  Bytes image;
  if (std::string_view{row.stage} == "rom") {
    stage = std::make_shared<lab::SdpRomDevice>(lab::imx6q());
    image = lab::ivt_image({});
  } else if (std::string_view{row.stage} == "spl") {
    stage = std::make_shared<lab::SdpRomDevice>(lab::imx_spl(true));
    image = lab::ivt_image({.length = 3000, .rest = 5000});
  } else {
    stage = std::make_shared<lab::SdpsRomDevice>(lab::imx93());
    image = lab::container_image({});
  }
  const auto faulty = std::make_shared<lab::FaultyDevice>(stage, lab::Fault{row.kind, row.on, row.after});
  const auto outcome = booted(faulty, image);
  EXPECT_TRUE(faulty->struck());
  EXPECT_EQ(outcome ? "runs" : std::string{code_of(outcome.error().code)}, row.outcome)
      << (outcome ? std::string{} : outcome.error().detail);
}

using Kind = lab::Fault::Kind;
using On = lab::Fault::On;

// On the i.MX6 the answers are 2 to the status, 2 to the DCD, 2 to the file, 2 to the table without DCD, 1 to the jump;
// control bytes are 17 for a command and 1025 for each piece.
INSTANTIATE_TEST_SUITE_P(
    Sdp, SdpFaults,
    testing::Values(
        FaultRow{"rom", Kind::stall, On::control, 1, "FL-USB-002"},
        FaultRow{"rom", Kind::stall, On::control, 1000, "FL-USB-002"},
        FaultRow{"rom", Kind::stall, On::control, 5000, "FL-USB-002"},
        FaultRow{"rom", Kind::silence, On::control, 1, "FL-USB-003"},
        FaultRow{"rom", Kind::silence, On::control, 5000, "FL-USB-003"},
        FaultRow{"rom", Kind::link_error, On::control, 1, "FL-USB-004"},
        FaultRow{"rom", Kind::link_error, On::control, 5000, "FL-USB-004"},
        FaultRow{"rom", Kind::unplug, On::control, 1, "FL-USB-001"},
        FaultRow{"rom", Kind::unplug, On::control, 3000, "FL-USB-001"},
        FaultRow{"rom", Kind::unplug, On::control, 7000, "FL-USB-001"},
        FaultRow{"rom", Kind::stall, On::in, 1, "FL-USB-002"}, FaultRow{"rom", Kind::stall, On::in, 6, "FL-USB-002"},
        FaultRow{"rom", Kind::silence, On::in, 1, "FL-USB-003"},
        FaultRow{"rom", Kind::silence, On::in, 9, "FL-USB-003"},
        FaultRow{"rom", Kind::link_error, On::in, 2, "FL-USB-004"},
        FaultRow{"rom", Kind::unplug, On::in, 2, "FL-USB-001"}, FaultRow{"rom", Kind::unplug, On::in, 8, "FL-USB-001"},
        FaultRow{"rom", Kind::unplug, On::in, 9, "runs"}, FaultRow{"rom", Kind::garbage, On::in, 1, "FL-SDP-001"},
        FaultRow{"rom", Kind::garbage, On::in, 4, "FL-SDP-001"},
        FaultRow{"rom", Kind::garbage, On::in, 9, "FL-SDP-001"},
        FaultRow{"rom", Kind::short_take, On::in, 1, "FL-SDP-001"},
        FaultRow{"spl", Kind::stall, On::control, 1, "FL-USB-002"},
        FaultRow{"spl", Kind::silence, On::control, 3000, "FL-USB-003"},
        FaultRow{"spl", Kind::unplug, On::control, 3000, "FL-USB-001"},
        FaultRow{"spl", Kind::garbage, On::in, 2, "FL-SDP-001"},
        FaultRow{"spl", Kind::silence, On::in, 2, "FL-USB-003"}, FaultRow{"spl", Kind::unplug, On::in, 3, "runs"},
        FaultRow{"stream", Kind::stall, On::out, 1, "FL-USB-002"},
        FaultRow{"stream", Kind::stall, On::out, 4000, "FL-USB-002"},
        FaultRow{"stream", Kind::silence, On::out, 1, "FL-USB-003"},
        FaultRow{"stream", Kind::silence, On::out, 4000, "FL-USB-003"},
        FaultRow{"stream", Kind::link_error, On::out, 4000, "FL-USB-004"},
        FaultRow{"stream", Kind::short_take, On::out, 1, "FL-USB-005"},
        FaultRow{"stream", Kind::short_take, On::out, 4000, "FL-USB-005"},
        FaultRow{"stream", Kind::unplug, On::out, 4000, "FL-USB-001"},
        FaultRow{"stream", Kind::unplug, On::out, 7000, "FL-USB-001"},
        // The last of eight reports: whether the board saw it, the next stage will show.
        FaultRow{"stream", Kind::unplug, On::out, 8000, "runs"}),
    name_of_row);

}  // namespace
}  // namespace flashline::transport
