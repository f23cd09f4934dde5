#include "transport/power/port_power.h"

#include <gtest/gtest.h>
#include <iterator>

#include "imaging/core/errors/usb.h"
#include "tests/fakes/fake_usb_tree.h"
#include "transport/discovery/usb_ports.h"

namespace flashline::transport {
namespace {

class PortPower : public ::testing::Test {
 protected:
  void SetUp() override {
    tree.subsystem("pci0000:00", "pci");
    tree.subsystem("pci0000:00/0000:00:14.0", "pci");
    tree.controller("pci0000:00/0000:00:14.0", 1, 2);
    tree.peers("usb1", 2, "usb2", 2);
    tree.hub("1-2");
    tree.hub("2-2", "5000");
    tree.peers("1-2", 3, "2-2", 3);
    tree.plug("1-2.3");
    for (const char* side : {"1-2/1-2:1.0/1-2-port3", "2-2/2-2:1.0/2-2-port3"})
      tree.folder().file(switch_of(side), "-");
  }
  std::filesystem::path switch_of(const std::string& side) const {
    const std::string bus = side.substr(0, 1);
    return std::filesystem::path{"sys/devices/pci0000:00/0000:00:14.0/usb" + bus} / side / "disable";
  }
  std::string switched(const std::string& side) const {
    std::ifstream in{tree.folder() / switch_of(side)};
    return {std::istreambuf_iterator<char>{in}, {}};
  }
  PortPath socket() const { return port_of_usb_device(1, {2, 3}, tree.machine()).value(); }

  fakes::FakeUsbTree tree;
};

TEST_F(PortPower, both_sides_of_a_socket_are_switched) {
  ASSERT_TRUE(switch_port(socket(), false, tree.machine()));
  EXPECT_EQ(switched("1-2/1-2:1.0/1-2-port3").front(), '1');
  EXPECT_EQ(switched("2-2/2-2:1.0/2-2-port3").front(), '1');
  ASSERT_TRUE(switch_port(socket(), true, tree.machine()));
  EXPECT_EQ(switched("1-2/1-2:1.0/1-2-port3").front(), '0');
}

TEST_F(PortPower, a_port_that_no_hub_has_and_a_kernel_without_the_switch_are_said) {
  const auto nowhere = switch_port({socket().controller, {9}, {}}, false, tree.machine());
  ASSERT_FALSE(nowhere);
  EXPECT_EQ(nowhere.error().code, errc::port_power);
  std::filesystem::remove(tree.folder() / switch_of("2-2/2-2:1.0/2-2-port3"));
  const auto old = switch_port(socket(), false, tree.machine());
  ASSERT_FALSE(old);
  EXPECT_EQ(old.error().code, errc::port_power);
}

}  // namespace
}  // namespace flashline::transport
