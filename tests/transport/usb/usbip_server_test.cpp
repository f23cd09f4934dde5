// The carrier of emulated boards, with the test in the kernel's place.
#include <array>
#include <atomic>
#include <cerrno>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/lab/emulators/descriptors.h"
#include "tests/lab/usbip/device_server.h"

namespace flashline::lab {
namespace {

/// Says what it is told to; a byte 0xee on endpoint 2 makes it leave.
class Parrot final : public EmulatedDevice {
 public:
  explicit Parrot(Descriptors descriptors) : descriptors_{std::move(descriptors)} {}
  const Descriptors& descriptors() const override { return descriptors_; }
  Reply control(const Setup& setup, std::span<const std::byte>) override {
    return setup.request == 0x51 ? Reply::refuse() : Reply::answer(Bytes(3, std::byte{7}));
  }
  Reply out(std::uint8_t, std::span<const std::byte> data) override {
    if (!data.empty() && data[0] == std::byte{0xdd}) return Reply::refuse();
    if (!data.empty() && data[0] == std::byte{0xee}) leave();
    said_.assign(data.begin(), data.end());
    return Reply::take(data.size());
  }
  Reply in(std::uint8_t, std::size_t) override {
    return said_.empty() ? Reply::nothing_yet() : Reply::answer(std::exchange(said_, {}));
  }
  void reset() override { ++resets; }
  std::atomic<int> resets = 0;

 private:
  Descriptors descriptors_;
  Bytes said_;
};

class UsbipServer : public testing::Test {
 protected:
  static Descriptors plan() {
    DevicePlan device{.vendor = 0x1234, .product = 0x5678};
    device.serial_index = 3;
    device.strings = {{3, "AB"}};
    device.interfaces = {{.endpoints = {{0x81, 2, 512}, {0x02, 2, 512}}}};
    return describe(device);
  }

  UsbipServer() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()), 0);
    kernel_ = ends[1];
    server_ = std::make_unique<DeviceServer>(ends[0], device_, std::vector<std::shared_ptr<Pace>>{},
                                             [this](bool left) { left_ = left ? 1 : 0; });
  }
  ~UsbipServer() override { ::close(kernel_); }

  static void put(UsbipHeader& header, std::size_t at, std::uint32_t value) {
    for (std::size_t each = 4; each-- > 0; value >>= 8U) header.at(at + each) = static_cast<std::byte>(value & 0xffU);
  }
  static std::uint32_t word(std::span<const std::byte> header, std::size_t at) {
    std::uint32_t value = 0;
    for (std::size_t each = 0; each < 4; ++each)
      value = value << 8U | std::to_integer<std::uint32_t>(header[at + each]);
    return value;
  }

  void submit(std::uint32_t number, std::uint32_t endpoint, bool inwards, const Bytes& data, std::uint32_t length,
              std::array<unsigned, 8> setup = {}, std::uint32_t flags = 0) const {
    UsbipHeader header{};
    put(header, 0, 1);
    put(header, 4, number);
    put(header, 12, inwards ? 1 : 0);
    put(header, 16, endpoint);
    put(header, 20, flags);
    put(header, 24, length);
    for (std::size_t each = 0; each < 8; ++each) header.at(40 + each) = static_cast<std::byte>(setup.at(each));
    ASSERT_EQ(::send(kernel_, header.data(), header.size(), 0), 48);
    ASSERT_EQ(::send(kernel_, data.data(), data.size(), 0), static_cast<ssize_t>(data.size()));
  }
  void unlink(std::uint32_t number, std::uint32_t victim) const {
    UsbipHeader header{};
    put(header, 0, 2);
    put(header, 4, number);
    put(header, 20, victim);
    ASSERT_EQ(::send(kernel_, header.data(), header.size(), 0), 48);
  }

  struct Returned {
    std::uint32_t kind = 0;
    std::uint32_t number = 0;
    std::int32_t status = 0;
    std::uint32_t actual = 0;
    Bytes data{};
  };
  Returned next(bool inwards) const {
    UsbipHeader header{};
    if (::recv(kernel_, header.data(), header.size(), MSG_WAITALL) != 48) return {};
    Returned back{word(header, 0), word(header, 4), static_cast<std::int32_t>(word(header, 20)), word(header, 24)};
    if (back.kind == 3 && inwards && back.actual > 0) {
      back.data.resize(back.actual);
      EXPECT_EQ(::recv(kernel_, back.data.data(), back.data.size(), MSG_WAITALL), static_cast<ssize_t>(back.actual));
    }
    return back;
  }
  bool quiet() const {
    pollfd readable{kernel_, POLLIN, 0};
    return ::poll(&readable, 1, 60) == 0;
  }

  std::shared_ptr<Parrot> device_ = std::make_shared<Parrot>(plan());
  std::atomic<int> left_ = -1;
  int kernel_ = -1;
  std::unique_ptr<DeviceServer> server_;
};

TEST_F(UsbipServer, AnswersDescriptorsCutToWhatIsWanted) {
  submit(1, 0, true, {}, 8, {0x80, 6, 0, 1, 0, 0, 8, 0});
  const auto device = next(true);
  EXPECT_EQ(device.status, 0);
  EXPECT_EQ(device.data.size(), 8);
  EXPECT_EQ(device.data.at(1), std::byte{1});
  submit(2, 0, true, {}, 255, {0x80, 6, 3, 3, 9, 4, 255, 0});
  EXPECT_EQ(next(true).data,
            (Bytes{std::byte{6}, std::byte{3}, std::byte{'A'}, std::byte{0}, std::byte{'B'}, std::byte{0}}));
  submit(3, 0, true, {}, 255, {0x80, 6, 9, 3, 9, 4, 255, 0});
  EXPECT_EQ(next(true).status, -EPIPE);
}

TEST_F(UsbipServer, VendorRequestsAreTheDevicesOwn) {
  submit(1, 0, true, {}, 3, {0xc0, 0x50, 0, 0, 0, 0, 3, 0});
  EXPECT_EQ(next(true).data, Bytes(3, std::byte{7}));
  submit(2, 0, true, {}, 2, {0xc0, 0x50, 0, 0, 0, 0, 2, 0});
  EXPECT_EQ(next(true).status, -EOVERFLOW);
  submit(3, 0, true, {}, 2, {0xc0, 0x51, 0, 0, 0, 0, 2, 0});
  EXPECT_EQ(next(true).status, -EPIPE);
  submit(4, 0, true, {}, 3, {0xc0, 0x50, 0, 0, 0, 0, 3, 0});
  EXPECT_EQ(next(true).status, 0) << "a stall of endpoint 0 ends with its request";
}

TEST_F(UsbipServer, HoldsARequestUntilTheDeviceHasSomethingToSay) {
  submit(1, 1, true, {}, 512);
  EXPECT_TRUE(quiet());
  submit(2, 2, false, Bytes(4, std::byte{0x11}), 4);
  const auto out = next(false);
  EXPECT_EQ(out.number, 2);
  EXPECT_EQ(out.actual, 4);
  const auto in = next(true);
  EXPECT_EQ(in.number, 1);
  EXPECT_EQ(in.data, Bytes(4, std::byte{0x11}));
}

TEST_F(UsbipServer, AShortAnswerIsAnErrorForWhoSaysSo) {
  submit(1, 2, false, Bytes(4, std::byte{0x11}), 4);
  next(false);
  submit(2, 1, true, {}, 512, {}, 1);
  const auto in = next(true);
  EXPECT_EQ(in.status, -EREMOTEIO);
  EXPECT_EQ(in.data.size(), 4);
}

TEST_F(UsbipServer, CallsBackWhatIsHeldAndSaysWhenItIsTooLate) {
  submit(1, 1, true, {}, 512);
  EXPECT_TRUE(quiet());
  unlink(2, 1);
  const auto held = next(false);
  EXPECT_EQ(held.kind, 4);
  EXPECT_EQ(held.status, -ECONNRESET);
  unlink(3, 1);
  EXPECT_EQ(next(false).status, 0);
  submit(4, 2, false, Bytes(1), 1);
  EXPECT_EQ(next(false).number, 4);
  EXPECT_TRUE(quiet()) << "the request that was called back is never answered";
}

TEST_F(UsbipServer, ARefusingEndpointRefusesUntilItIsCleared) {
  submit(1, 2, false, Bytes(1, std::byte{0xdd}), 1);
  EXPECT_EQ(next(false).status, -EPIPE);
  submit(2, 2, false, Bytes(1), 1);
  EXPECT_EQ(next(false).status, -EPIPE);
  submit(3, 0, false, {}, 0, {0x02, 1, 0, 0, 2, 0, 0, 0});
  EXPECT_EQ(next(false).status, 0);
  submit(4, 2, false, Bytes(1), 1);
  EXPECT_EQ(next(false).status, 0);
}

TEST_F(UsbipServer, AResetShowsAsASecondConfiguration) {
  for (std::uint32_t number = 1; number <= 2; ++number) {
    submit(number, 0, false, {}, 0, {0, 9, 1, 0, 0, 0, 0, 0});
    EXPECT_EQ(next(false).status, 0);
    EXPECT_EQ(device_->resets, static_cast<int>(number) - 1);
  }
}

TEST_F(UsbipServer, LeavesAfterItsLastAnswer) {
  submit(1, 2, false, Bytes(1, std::byte{0xee}), 1);
  EXPECT_EQ(next(false).status, 0);
  EXPECT_EQ(next(false).kind, 0) << "the socket is at its end";
  server_.reset();
  EXPECT_EQ(left_, 1);
}

TEST_F(UsbipServer, AnUnplugIsNoLeaving) {
  server_->unplug();
  EXPECT_EQ(next(false).kind, 0);
  server_.reset();
  EXPECT_EQ(left_, 0);
}

}  // namespace
}  // namespace flashline::lab
