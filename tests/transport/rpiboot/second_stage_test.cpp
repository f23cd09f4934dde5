#include "transport/rpiboot/second_stage.h"

#include <gtest/gtest.h>

#include "imaging/core/errors/rpiboot.h"
#include "tests/transport/rpiboot/pi_pair.h"

namespace flashline::transport {
namespace {

using lab::PiBootRom;
using tests::golden;
using RomPair = PiPair<PiBootRom>;

Status sent(RomPair& pair, SecondStage stage) {
  return tests::awaited(pair.context, send_second_stage(pair.pipe, std::move(stage), no_waiting));
}

TEST(SecondStage, GoesOverTheWireAsTheVendorsToolSendsIt) {
  RomPair pair{std::make_shared<PiBootRom>()};
  EXPECT_TRUE(sent(pair, stage_of(told_content(105984, 9))));
  EXPECT_EQ(pair.log->text(), golden("usb/pi-rom-2711.txt", pair.log->text()));
  EXPECT_EQ(pair.stage->code(), told_content(105984, 9));
  EXPECT_TRUE(pair.stage->leaves());
}

TEST(SecondStage, GoesToTheSecondInterfaceOfTwoWithItsSignature) {
  std::vector<std::byte> signature;
  for (int each = 100; each < 120; ++each) signature.push_back(static_cast<std::byte>(each));
  RomPair pair{std::make_shared<PiBootRom>(lab::PiBoardPlan{.product = 0x2764, .two_interfaces = true}), {}, 1};
  EXPECT_TRUE(sent(pair, stage_of(told_content(50000, 8), signature)));
  EXPECT_EQ(pair.log->text(), golden("usb/pi-rom-2764-two-interfaces-signed.txt", pair.log->text()));
  EXPECT_EQ(pair.stage->signature(), signature);
}

TEST(SecondStage, GoesToTheOtherChipsInTheSameWords) {
  struct Case {
    std::uint16_t product;
    const char* log;
    std::size_t size, seed;
  };
  for (const auto& [product, log, size, seed] :
       {Case{0x2764, "usb/pi-rom-2764.txt", 52000, 6}, Case{0x2712, "usb/pi-rom-2712.txt", 98304, 7}}) {
    RomPair pair{std::make_shared<PiBootRom>(lab::PiBoardPlan{.product = product})};
    EXPECT_TRUE(sent(pair, stage_of(told_content(size, seed)))) << log;
    EXPECT_EQ(pair.log->text(), golden(log, pair.log->text()));
    EXPECT_EQ(pair.stage->code(), told_content(size, seed)) << log;
  }
}

TEST(SecondStage, IsNotSentAgainToARomThatRefusesIt) {
  RomPair pair{std::make_shared<PiBootRom>(lab::PiBoardPlan{}, [](const auto&, const auto&) { return -7; })};
  const auto status = sent(pair, stage_of(told_content(1000, 1)));
  EXPECT_EQ(status.error().code, errc::rpi_second_stage_refused);
  EXPECT_NE(status.error().detail.find("-7"), std::string::npos);
}

TEST(SecondStage, GoesOnlyToAPiThatIsInItsRom) {
  const auto refused = [](lab::Descriptors descriptors, auto change) {
    struct Silent final : lab::EmulatedDevice {
      explicit Silent(lab::Descriptors what) : what_{std::move(what)} {}
      const lab::Descriptors& descriptors() const override { return what_; }
      lab::Reply control(const lab::Setup&, std::span<const std::byte>) override { return touched(); }
      lab::Reply out(std::uint8_t, std::span<const std::byte>) override { return touched(); }
      lab::Reply in(std::uint8_t, std::size_t) override { return touched(); }
      lab::Reply touched() {
        ADD_FAILURE() << "a byte was sent";
        return lab::Reply::refuse();
      }
      lab::Descriptors what_;
    };
    change(descriptors);
    PiPair<Silent> pair{std::make_shared<Silent>(descriptors)};
    return tests::awaited(pair.context, send_second_stage(pair.pipe, stage_of(told_content(10, 1)), no_waiting))
        .error()
        .code;
  };
  const auto pi = lab::describe_pi({}, 3, "BCM2711 Boot");
  EXPECT_EQ(refused(pi, [](auto& lie) { lie.device[16] = std::byte{4}; }), errc::rpi_wrong_stage);
  EXPECT_EQ(refused(pi, [](auto& lie) { lie.device[10] = std::byte{0x13}; }), errc::rpi_not_known);
  EXPECT_EQ(refused(pi, [](auto& lie) { lie.configuration.resize(9); }), errc::rpi_interfaces);
}

TEST(SecondStage, IsTakenFromTheBootFilesOfTheChip) {
  const auto chip = [](std::uint16_t product) { return *find_pi_chip(UsbFacts{.vendor = 0x0a5c, .product = product}); };
  BootFiles files;
  EXPECT_EQ(second_stage_of(chip(0x2711), files).error().code, errc::rpi_second_stage_file);
  files.put("bootcode.bin", told_content(100, 1));
  files.put("bootcode4.bin", told_content(200, 1));
  files.put("bootcode5.bin", std::vector<std::byte>{});
  EXPECT_EQ(second_stage_of(chip(0x2764), files)->code->size(), 100U);
  EXPECT_EQ(second_stage_of(chip(0x2711), files, true)->code->size(), 200U);
  EXPECT_TRUE(second_stage_of(chip(0x2711), files, true)->signature.empty());
  EXPECT_EQ(second_stage_of(chip(0x2712), files).error().code, errc::rpi_second_stage_file);
  EXPECT_EQ(second_stage_of(chip(0x2763), files, true).error().code, errc::rpi_second_stage_file);
  files.put("bootcode.sig", told_content(19, 1));
  EXPECT_EQ(second_stage_of(chip(0x2763), files, true).error().code, errc::rpi_second_stage_file);
  files.put("bootcode.sig", told_content(20, 1));
  EXPECT_EQ(second_stage_of(chip(0x2763), files, true)->signature, told_content(20, 1));
  files.put("bootcode.bin", std::vector<std::byte>(3 * 1024 * 1024));
  EXPECT_EQ(second_stage_of(chip(0x2763), files).error().code, errc::rpi_second_stage_file);
}

}  // namespace
}  // namespace flashline::transport
