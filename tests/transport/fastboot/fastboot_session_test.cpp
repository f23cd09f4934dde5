#include "transport/fastboot/fastboot_session.h"

#include <gtest/gtest.h>

#include "imaging/core/errors/fastboot.h"
#include "imaging/core/errors/usb.h"
#include "tests/transport/fastboot/board_pair.h"

namespace flashline::transport {
namespace {

using Do = lab::FastbootMischief::Do;

FastbootData data_of(const std::vector<std::byte>& bytes) {
  return {bytes.size(), [&bytes](std::uint64_t at, std::span<std::byte> into) {
            std::ranges::copy(std::span{bytes}.subspan(at, into.size()), into.begin());
          }};
}

TEST(FastbootSession, AsksAndWrites) {
  for (const bool in_first : {true, false}) {
    BoardPair pair{{.in_first = in_first}};
    EXPECT_EQ(*pair.run(pair.session->getvar("version")), "0.4");
    EXPECT_EQ(*pair.run(pair.session->getvar("nothing such")), std::nullopt);
    EXPECT_EQ(*pair.run(pair.session->getvar("all")), std::nullopt);
    EXPECT_EQ(pair.lines.size(), 4U);
    const auto bytes = noise(3 * 1024 * 1024 + 512, 1);
    EXPECT_TRUE(pair.run(pair.session->download(data_of(bytes))));
    EXPECT_TRUE(pair.run(pair.session->flash("mmcblk0")));
    EXPECT_EQ(pair.board->medium().read(0, bytes.size()), bytes);
    EXPECT_TRUE(pair.run(pair.session->erase("mmcblk0")));
    EXPECT_TRUE(pair.run(pair.session->reboot()));
    EXPECT_EQ(pair.run(pair.session->getvar("version")).error().code, errc::usb_gone);
  }
}

TEST(FastbootSession, KnowsItsInterfaceByItsClass) {
  BoardPair pair;
  EXPECT_TRUE(is_pi_gadget(pair.session->facts()));
  UsbFacts other = pair.session->facts();
  other.manufacturer = "Google";
  EXPECT_FALSE(is_pi_gadget(other));
  other = pair.session->facts();
  other.interfaces[0].protocol = 1;
  EXPECT_EQ(fastboot_interface_of(other), nullptr);
  EXPECT_FALSE(is_pi_gadget(other));
}

TEST(FastbootSession, WantsABulkEndpointEachWay) {
  const auto opened = [](std::vector<lab::EndpointPlan> endpoints) {
    struct Mute final : lab::EmulatedDevice {
      explicit Mute(lab::Descriptors what) : what_{std::move(what)} {}
      const lab::Descriptors& descriptors() const override { return what_; }
      lab::Reply control(const lab::Setup&, std::span<const std::byte>) override { return lab::Reply::refuse(); }
      lab::Reply out(std::uint8_t, std::span<const std::byte>) override { return lab::Reply::refuse(); }
      lab::Reply in(std::uint8_t, std::size_t) override { return lab::Reply::refuse(); }
      lab::Descriptors what_;
    };
    auto mute = std::make_shared<Mute>(
        lab::describe({.interfaces = {{.subclass = 0x42, .protocol = 3, .endpoints = std::move(endpoints)}}}));
    const auto session = FastbootSession::open(std::make_unique<lab::EmulatedPipe>(mute, PortPath{"usb", {1}}));
    return session ? "" : std::string{code_of(session.error().code)};
  };
  EXPECT_EQ(opened({{0x81}, {0x02}}), "");
  EXPECT_EQ(opened({}), "FL-FBT-001");
  EXPECT_EQ(opened({{0x81}}), "FL-FBT-001");
  EXPECT_EQ(opened({{0x01}, {0x02}}), "FL-FBT-001");
  EXPECT_EQ(opened({{0x81, 3}, {0x01, 3}}), "FL-FBT-001");
}

struct Misbehaviour {
  const char* name;
  lab::FastbootMischief mischief;
  std::string_view code;
  std::string_view says;
};
class BadBootloader : public ::testing::TestWithParam<Misbehaviour> {};

TEST_P(BadBootloader, GetsTheRightCodeAndIsHeardAgainAfterwards) {
  BoardPair pair{{.mischief = {GetParam().mischief}}};
  const auto bytes = noise(100'000, 1);
  Status status = pair.run(pair.session->download(data_of(bytes)));
  if (status) status = pair.run(pair.session->flash("mmcblk0"));
  EXPECT_EQ(code(status), GetParam().code);
  EXPECT_NE(status.error().detail.find(GetParam().says), std::string::npos) << status.error().detail;
  EXPECT_TRUE(pair.run(pair.session->recover()));
  EXPECT_EQ(pair.pipe->resets(), 1);
  EXPECT_TRUE(pair.run(pair.session->download(data_of(bytes))));
  EXPECT_TRUE(pair.run(pair.session->flash("mmcblk0")));
}

INSTANTIATE_TEST_SUITE_P(
    Table, BadBootloader,
    ::testing::Values(
        Misbehaviour{
            "wants_another_length", {.on = "download", .what = Do::wrong_length}, "FL-FBT-004", "wants 4096 bytes"},
        Misbehaviour{"talks_for_ever", {.on = "flash", .what = Do::endless_lines}, "FL-FBT-005", "flash:mmcblk0"},
        Misbehaviour{"fails_with_garbage",
                     {.on = "flash", .what = Do::fail, .text = std::string{"no\x1b[2J\0\xff room", 13}},
                     "FL-FBT-003",
                     "flash:mmcblk0: no?[2J?? room"},
        Misbehaviour{
            "fails_a_download", {.on = "download", .what = Do::fail, .text = "too large"}, "FL-FBT-003", "too large"},
        Misbehaviour{"says_okay_to_a_download", {.on = "download", .what = Do::lie}, "FL-FBT-004", "0 bytes"},
        Misbehaviour{"wants_data_to_flash", {.on = "flash", .what = Do::wrong_length}, "FL-FBT-002", "wants data"},
        Misbehaviour{"falls_silent", {.on = "flash", .what = Do::silence}, "FL-USB-003", "flash:mmcblk0"}),
    [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace flashline::transport
