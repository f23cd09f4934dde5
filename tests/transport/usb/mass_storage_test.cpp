// Our own mass storage target, spoken to as a host does: what the lab's boards show the kernel.
#include "tests/lab/emulators/mass_storage.h"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include "imaging/core/errors/usb.h"
#include "imaging/core/little_endian.h"
#include "tests/fakes/awaited.h"
#include "tests/lab/emulators/emulated_pipe.h"

namespace flashline::lab {
namespace {

using namespace std::chrono_literals;
constexpr std::uint32_t mib = 1 << 20;

struct Answer {
  Bytes data;
  std::uint8_t status = 0xff;
  std::uint32_t residue = 0;
};

class Reader : public testing::Test {
 protected:
  explicit Reader(MassStoragePlan plan = {}) : device_{std::make_shared<MassStorage>(plan)}, pipe_{device_, port()} {}

  static transport::PortPath port() { return {"platform-vhci_hcd.0", {1}, {}}; }

  static Bytes wrapper(const Bytes& command, std::uint32_t length, bool inwards, std::uint8_t lun) {
    Bytes bytes(31);
    store32(bytes, 0x43425355);
    store32(std::span{bytes}.subspan(4), 0x1234);
    store32(std::span{bytes}.subspan(8), length);
    bytes[12] = inwards ? std::byte{0x80} : std::byte{0};
    bytes[13] = std::byte{lun};
    bytes[14] = static_cast<std::byte>(command.size());
    std::ranges::copy(command, bytes.begin() + 15);
    return bytes;
  }

  Answer ask(const Bytes& command, std::uint32_t want, std::uint8_t lun = 0) {
    Answer answer;
    EXPECT_TRUE(send(wrapper(command, want, true, lun)));
    if (want > 0) {
      answer.data.resize(want);
      const auto got = get(answer.data);
      answer.data.resize(got.value_or(0));
    }
    return with_status(answer);
  }
  Answer tell(const Bytes& command, const Bytes& data, std::uint8_t lun = 0) {
    EXPECT_TRUE(send(wrapper(command, static_cast<std::uint32_t>(data.size()), false, lun)));
    EXPECT_TRUE(send(data));
    return with_status({});
  }

  Status send(const Bytes& bytes) { return tests::awaited(context_, pipe_.out(2, bytes, 1s)); }
  Result<std::size_t> get(std::span<std::byte> into) { return tests::awaited(context_, pipe_.in(0x81, into, 1s)); }

  Answer with_status(Answer answer) {
    Bytes status(13);
    const auto got = get(status);
    EXPECT_TRUE(got && *got == 13);
    EXPECT_EQ(load32(status), 0x53425355);
    EXPECT_EQ(load32(std::span{status}.subspan(4)), 0x1234);
    answer.residue = load32(std::span{status}.subspan(8));
    answer.status = std::to_integer<std::uint8_t>(status[12]);
    return answer;
  }

  static Bytes command(std::initializer_list<unsigned> values) {
    Bytes bytes(16);
    std::ranges::transform(values, bytes.begin(), [](unsigned each) { return static_cast<std::byte>(each); });
    return bytes;
  }
  /// Key, additional code.
  std::pair<int, int> sense(std::uint8_t lun = 0) {
    const auto answer = ask(command({0x03, 0, 0, 0, 18}), 18, lun);
    return {std::to_integer<int>(answer.data.at(2)), std::to_integer<int>(answer.data.at(12))};
  }
  void insert(std::uint64_t size, std::uint8_t lun = 0, MediumFault fault = {}) {
    device_->disk(lun).insert(std::make_shared<Medium>(size, fault));
    ask(command({0}), 0, lun);  // the host is told of it once
  }

  boost::asio::io_context context_;
  std::shared_ptr<MassStorage> device_;
  EmulatedPipe pipe_;
};

class ReaderOfTwo : public Reader {
 protected:
  ReaderOfTwo() : Reader{{.disks = {{.product = "slot A"}, {.product = "slot B", .write_protected = true}}}} {}
};

TEST_F(ReaderOfTwo, SaysHowManyAndWhatTheyAre) {
  Bytes most(1);
  const auto got = tests::awaited(context_, pipe_.control_in({0xa1, 0xfe, 0, 0}, most, 1s));
  ASSERT_TRUE(got);
  EXPECT_EQ(most[0], std::byte{1});
  const auto inquiry = ask(command({0x12, 0, 0, 0, 36}), 36, 1);
  EXPECT_EQ(inquiry.status, 0);
  EXPECT_EQ(inquiry.data.at(1), std::byte{0x80});
  EXPECT_EQ(std::to_integer<char>(inquiry.data.at(21)), 'B');
}

TEST_F(ReaderOfTwo, AnEmptySlotHasNoMediumAndACardIsToldOnce) {
  EXPECT_EQ(ask(command({0}), 0).status, 1);
  EXPECT_EQ(sense(), (std::pair{2, 0x3a}));
  device_->disk(0).insert(std::make_shared<Medium>(mib));
  EXPECT_EQ(ask(command({0}), 0).status, 1);
  EXPECT_EQ(sense(), (std::pair{6, 0x28}));
  EXPECT_EQ(ask(command({0}), 0).status, 0);
  const auto capacity = ask(command({0x25}), 8);
  EXPECT_EQ(capacity.data.at(2), std::byte{0x07});
  EXPECT_EQ(capacity.data.at(3), std::byte{0xff});
  EXPECT_EQ(ask(command({0x1b, 0, 0, 0, 2}), 0).status, 0);  // ejected by the host
  EXPECT_EQ(ask(command({0}), 0).status, 1);
  EXPECT_EQ(sense(), (std::pair{2, 0x3a}));
}

TEST_F(ReaderOfTwo, WhatIsWrittenIsRead) {
  insert(mib);
  const Bytes data(1024, std::byte{0x5a});
  EXPECT_EQ(tell(command({0x2a, 0, 0, 0, 0, 8, 0, 0, 2}), data).status, 0);
  EXPECT_EQ(ask(command({0x28, 0, 0, 0, 0, 8, 0, 0, 2}), 1024).data, data);
  EXPECT_EQ(device_->disk(0).medium()->bytes()[8 * 512 - 1], std::byte{0});
  EXPECT_EQ(device_->disk(0).medium()->written(), 1024);
}

TEST_F(ReaderOfTwo, ProtectedAndPastTheEndAreRefusedAfterTheirData) {
  insert(mib, 1);
  EXPECT_EQ(tell(command({0x2a, 0, 0, 0, 0, 0, 0, 0, 1}), Bytes(512), 1).status, 1);
  EXPECT_EQ(sense(1), (std::pair{7, 0x27}));
  insert(mib);
  EXPECT_EQ(tell(command({0x2a, 0, 0, 0, 8, 0, 0, 0, 1}), Bytes(512)).status, 1);
  EXPECT_EQ(sense(), (std::pair{5, 0x21}));
  const auto mode = ask(command({0x1a, 0, 0x3f, 0, 192}), 192, 1);
  EXPECT_EQ(mode.data.at(2), std::byte{0x80});
  EXPECT_EQ(mode.residue, 188);
}

TEST_F(ReaderOfTwo, AReadThatFailsStallsAndThenSaysWhy) {
  insert(mib, 0, {MediumFault::Kind::read_error, 0, 512});
  EXPECT_TRUE(send(wrapper(command({0x28, 0, 0, 0, 0, 0, 0, 0, 1}), 512, true, 0)));
  Bytes data(512);
  const auto got = get(data);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, errc::usb_stall);
  EXPECT_EQ(with_status({}).status, 1);
  EXPECT_EQ(sense(), (std::pair{3, 0x11}));
}

TEST_F(ReaderOfTwo, ABrokenWrapperIsRefusedUntilTheTransportIsReset) {
  EXPECT_FALSE(send(Bytes(30)));
  EXPECT_FALSE(send(Bytes(31)));
  EXPECT_TRUE(tests::awaited(context_, pipe_.control_out({0x21, 0xff, 0, 0}, {}, 1s)));
  EXPECT_EQ(ask(command({0x12, 0, 0, 0, 36}), 36).status, 0);
}

struct Lie {
  const char* name;
  MediumFault fault;
  std::byte at_start;  ///< what 1 KiB of 0x77 written at 512 KiB leaves at 0
  std::byte back;      ///< and what it reads back as
};
class LyingMedia : public Reader, public testing::WithParamInterface<Lie> {};
TEST_P(LyingMedia, ShowTheLie) {
  insert(mib, 0, GetParam().fault);
  EXPECT_EQ(tell(command({0x2a, 0, 0, 0, 4, 0, 0, 0, 2}), Bytes(1024, std::byte{0x77})).status, 0);
  EXPECT_EQ(ask(command({0x28, 0, 0, 0, 0, 0, 0, 0, 1}), 512).data.at(0), GetParam().at_start);
  EXPECT_EQ(ask(command({0x28, 0, 0, 0, 4, 0, 0, 0, 1}), 512).data.at(0), GetParam().back);
}
INSTANTIATE_TEST_SUITE_P(
    Medium, LyingMedia,
    testing::Values(
        Lie{"honest", {}, std::byte{0}, std::byte{0x77}},
        Lie{"wraps_around", {MediumFault::Kind::wrap_around, mib / 2, mib / 2}, std::byte{0x77}, std::byte{0x77}},
        Lie{"limbo", {MediumFault::Kind::limbo, mib / 2, mib / 2}, std::byte{0}, std::byte{0}},
        Lie{"loses_writes", {MediumFault::Kind::lost_write, mib / 2, 512}, std::byte{0}, std::byte{0}},
        Lie{"rots", {MediumFault::Kind::bit_rot, mib / 2, 512}, std::byte{0}, std::byte{0x67}}),
    [](const auto& row) { return row.param.name; });

class StickThatIsPulled : public Reader {
 protected:
  StickThatIsPulled() : Reader{{.disks = {{}}, .leaves_at = 2048}} {}
};
TEST_F(StickThatIsPulled, IsGoneWhenSoMuchWasWritten) {
  insert(mib);
  EXPECT_EQ(tell(command({0x2a, 0, 0, 0, 0, 0, 0, 0, 3}), Bytes(1536)).status, 0);
  EXPECT_TRUE(send(wrapper(command({0x2a, 0, 0, 0, 0, 3, 0, 0, 1}), 512, false, 0)));
  const auto sent = send(Bytes(512));
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().code, errc::usb_gone);
}

}  // namespace
}  // namespace flashline::lab
