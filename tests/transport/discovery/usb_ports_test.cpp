#include "transport/discovery/usb_ports.h"

#include <gmock/gmock.h>
#include <map>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "imaging/core/errors/target.h"
#include "tests/fakes/fake_usb_tree.h"
#include "tests/fakes/loop_device.h"

namespace flashline::transport {
namespace {

using fakes::FakeUsbPc;
using fakes::FakeUsbTree;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string port_of(const FakeUsbTree& tree, const std::string& device) {
  const auto port = port_of_usb_device(tree.folder_of(device), tree.machine());
  return port ? to_text(*port) : "none";
}

/// "port=disk" of everything that is plugged in.
std::vector<std::string> listed(const FakeUsbTree& tree) {
  std::vector<std::string> all;
  for (const UsbPort& each : list_usb_ports(tree.machine())) {
    all.push_back(to_text(each.port) + (each.disk ? "=" + each.disk->name : ""));
  }
  return all;
}

PortPath port(std::string_view text) { return *parse_port_path(text); }

TEST(UsbPorts, a_port_is_named_by_controller_and_chain) {
  FakeUsbPc pc;
  pc.plug("1-2");
  pc.plug("1-5.3");
  EXPECT_EQ(port_of(pc, "1-2"), "pci-0000:00:14.0/2");
  EXPECT_EQ(port_of(pc, "1-5.3"), "pci-0000:00:14.0/5.3");
  EXPECT_EQ(port_of(pc, "usb1"), "none");
  EXPECT_EQ(to_text(*port_of_usb_device(1, {5, 3}, pc.machine())), "pci-0000:00:14.0/5.3");
  EXPECT_FALSE(port_of_usb_device(1, {5, 4}, pc.machine()));
}

TEST(UsbPorts, controllers_are_named_as_udev_names_them) {
  FakeUsbTree tree;
  // A Raspberry Pi 4: a platform device, a bridge, the controller.
  const std::string pcie = "platform/scb/fd500000.pcie";
  tree.controller(pcie + "/pci0000:00/0000:00:00.0/0000:01:00.0", 1);
  tree.subsystem(pcie, "platform");
  tree.subsystem("platform/scb", "platform");
  tree.subsystem(pcie + "/pci0000:00/0000:00:00.0", "pci");
  tree.subsystem(pcie + "/pci0000:00/0000:00:00.0/0000:01:00.0", "pci");
  tree.plug("1-1");
  EXPECT_EQ(port_of(tree, "1-1"), "platform-fd500000.pcie-pci-0000:01:00.0/1");
  // A controller inside a chip, and the virtual one.
  tree.controller("platform/soc/fe900000.usb/xhci-hcd.0.auto", 3);
  tree.subsystem("platform/soc/fe900000.usb", "platform");
  tree.subsystem("platform/soc/fe900000.usb/xhci-hcd.0.auto", "platform");
  tree.plug("3-1");
  EXPECT_EQ(port_of(tree, "3-1"), "platform-xhci-hcd.0.auto/1");
  tree.controller("platform/vhci_hcd.0", 4, 5);
  tree.subsystem("platform/vhci_hcd.0", "platform");
  tree.peers("usb4", 7, "usb5", 7);
  tree.plug("5-7");
  EXPECT_EQ(port_of(tree, "5-7"), "platform-vhci_hcd.0/7");
}

TEST(UsbPorts, both_sides_of_a_superspeed_socket_have_one_name) {
  FakeUsbPc pc;
  pc.hub("1-5.4");
  pc.hub("2-1.4", "5000");
  for (unsigned n = 1; n <= 4; ++n) pc.peers("1-5.4", n, "2-1.4", n);
  pc.plug("1-5.4.2");
  const auto high = port_of(pc, "1-5.4.2");
  pc.unplug("1-5.4.2");
  pc.plug("2-1.4.2");
  EXPECT_EQ(high, "pci-0000:00:14.0/5.4.2");
  EXPECT_EQ(port_of(pc, "2-1.4.2"), high) << "a hub in a hub";
  EXPECT_EQ(port_of(pc, "2-1"), "pci-0000:00:14.0/5") << "the root hubs count their ports apart";
}

TEST(UsbPorts, udev_knows_a_socket_by_either_side) {
  FakeUsbPc pc;
  const auto names = [&](std::string_view text) {
    std::vector<std::string> all;
    for (const PortPath& side : sides_of(port(text), pc.machine())) all.push_back(to_text(side));
    return all;
  };
  EXPECT_THAT(names("pci-0000:00:14.0/5.3#1"), ElementsAre("pci-0000:00:14.0/5.3", "pci-0000:00:14.0/1.3"));
  EXPECT_THAT(names("pci-0000:00:14.0/5"), ElementsAre("pci-0000:00:14.0/5", "pci-0000:00:14.0/1"));
  EXPECT_THAT(names("pci-0000:00:14.0/2.1"), ElementsAre("pci-0000:00:14.0/2.1")) << "no such hub now";
}

TEST(UsbPorts, a_superspeed_port_without_a_peer_is_not_taken_for_another_port) {
  FakeUsbPc pc;
  pc.plug("2-3");
  pc.plug("1-3");
  EXPECT_EQ(port_of(pc, "1-3"), "pci-0000:00:14.0/3");
  EXPECT_EQ(port_of(pc, "2-3"), "pci-0000:00:14.0-usb3/3");
}

TEST(UsbPorts, a_disk_knows_its_port) {
  FakeUsbPc pc;
  pc.plug("1-5.3");
  pc.disk("1-5.3", 0, "sdb", 16, 32 << 20);
  EXPECT_EQ(port_of_block_device("sdb", pc.machine()), port("pci-0000:00:14.0/5.3"));
  EXPECT_FALSE(port_of_block_device("sdc", pc.machine()));
  const auto ports = list_usb_ports(pc.machine());
  ASSERT_EQ(ports.size(), 1U) << "hubs are left out";
  EXPECT_EQ(to_text(ports[0].port), "pci-0000:00:14.0/5.3") << "a single disk needs no LUN";
  ASSERT_TRUE(ports[0].disk);
  EXPECT_EQ(ports[0].disk->node, pc.folder() / "dev/sdb");
  EXPECT_EQ(ports[0].disk->size.value, 32U << 20);
  EXPECT_TRUE(ports[0].disk->ready);
  EXPECT_EQ(ports[0].speed, UsbSpeed::high);
  EXPECT_EQ(ports[0].vendor, 0x058f);
  EXPECT_EQ(ports[0].product, 0x6366);
  EXPECT_EQ(ports[0].product_name, "Mass Storage Device");
}

TEST(UsbPorts, card_slots_of_a_reader_are_told_apart_by_lun_whatever_the_order_of_their_names) {
  FakeUsbPc pc;
  pc.plug("1-2");
  pc.disk("1-2", 2, "sdb", 16, 0);
  pc.disk("1-2", 0, "sdd", 48, 64 << 20);
  pc.disk("1-2", 1, "sdc", 32, 0);
  EXPECT_THAT(listed(pc),
              ElementsAre("pci-0000:00:14.0/2#0=sdd", "pci-0000:00:14.0/2#1=sdc", "pci-0000:00:14.0/2#2=sdb"));
  EXPECT_EQ(list_usb_ports(pc.machine())[1].disk->size.value, 0U) << "an empty slot is a disk of size 0";
  EXPECT_EQ(find_usb_disk(port("pci-0000:00:14.0/2#2"), pc.machine())->name, "sdb");
  const auto shared = find_usb_disk(port("pci-0000:00:14.0/2"), pc.machine());
  ASSERT_FALSE(shared);
  EXPECT_EQ(shared.error().code, errc::target_port_shared);
  EXPECT_THAT(shared.error().detail, HasSubstr("3 disks"));
}

TEST(UsbPorts, a_reader_of_which_one_slot_has_come_up_is_found_by_its_lun) {
  FakeUsbPc pc;
  pc.plug("1-2");
  pc.disk("1-2", 1, "sdc", 32, 0);
  EXPECT_EQ(find_usb_disk(port("pci-0000:00:14.0/2#1"), pc.machine())->name, "sdc");
  const auto other = find_usb_disk(port("pci-0000:00:14.0/2#0"), pc.machine());
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, errc::target_port_empty);
}

TEST(UsbPorts, two_readers_with_one_serial_stay_two) {
  FakeUsbPc pc;
  pc.plug("1-5.1");
  pc.plug("1-5.2");
  pc.disk("1-5.1", 0, "sdb", 16, 1 << 20);
  pc.disk("1-5.2", 0, "sdc", 32, 2 << 20);
  EXPECT_THAT(listed(pc), ElementsAre("pci-0000:00:14.0/5.1=sdb", "pci-0000:00:14.0/5.2=sdc"));
  EXPECT_EQ(find_usb_disk(port("pci-0000:00:14.0/5.2"), pc.machine())->name, "sdc");
}

TEST(UsbPorts, what_is_no_plain_disk_is_left_out) {
  FakeUsbPc pc;
  pc.plug("1-2");
  pc.disk("1-2", 0, "sr0", 16, 1 << 20, "5");  // a modem's CD with drivers
  pc.disk("1-2", 1, "sdb", 32, 1 << 20);
  pc.folder().file(
      std::filesystem::relative(pc.folder_of("1-2") / "1-2:1.0/host6/target6:0:0/6:0:0:1/block/sdb/sdb1/partition",
                                pc.folder().path()),
      "1\n");
  std::filesystem::create_directory_symlink(pc.folder_of("1-2") / "1-2:1.0/host6/target6:0:0/6:0:0:1/block/sdb/sdb1",
                                            pc.folder() / "sys/class/block/sdb1");
  EXPECT_THAT(listed(pc), ElementsAre("pci-0000:00:14.0/2=sdb"));
}

TEST(UsbPorts, a_board_without_a_disk_is_listed_and_says_whether_one_will_come) {
  FakeUsbPc pc;
  pc.plug("1-2", {.vendor = "0a5c", .product = "2711", .manufacturer = "Broadcom", .name = "BCM\x1b[2711\xff"});
  pc.plug("1-3");
  pc.storage("1-3");
  const auto ports = list_usb_ports(pc.machine());
  ASSERT_EQ(ports.size(), 2U);
  EXPECT_FALSE(ports[0].storage);
  EXPECT_EQ(ports[0].product_name, "BCM?[2711?") << "nothing that a terminal would obey";
  EXPECT_TRUE(ports[1].storage);
  EXPECT_FALSE(ports[1].disk);
}

TEST(UsbPorts, a_disk_is_ready_when_udev_is_done_with_it) {
  FakeUsbPc pc;
  pc.plug("1-2");
  pc.disk("1-2", 0, "sdb", 16, 1 << 20);
  pc.folder().file("run/udev/control", "");
  EXPECT_FALSE(list_usb_ports(pc.machine())[0].disk->ready);
  pc.folder().file("run/udev/data/b8:16", "I:1\n");
  EXPECT_TRUE(list_usb_ports(pc.machine())[0].disk->ready);
  std::filesystem::remove(pc.folder() / "dev/sdb");
  EXPECT_FALSE(list_usb_ports(pc.machine())[0].disk->ready);
}

TEST(UsbPorts, an_empty_machine_has_no_ports) {
  const fakes::TempFolder nothing;
  EXPECT_TRUE(list_usb_ports({nothing / "proc", nothing / "sys", nothing / "dev", nothing / "run"}).empty());
}

/// A real block device under the name and number that the folders tell of.
class PortTarget : public ::testing::Test {
 protected:
  void SetUp() override {
    if (loop_.path().empty()) GTEST_SKIP() << "no loop devices here";
    struct stat found{};
    ASSERT_EQ(::stat(loop_.path().c_str(), &found), 0);
    number_ = std::to_string(major(found.st_rdev)) + ":" + std::to_string(minor(found.st_rdev));
    pc_.plug("1-2");
    pc_.disk_numbered("1-2", 0, "sdb", number_, 8 << 20);
    std::filesystem::create_symlink(loop_.path(), pc_.folder() / "dev/sdb");
  }

  fakes::FakeUsbPc pc_;
  fakes::LoopDevice loop_{pc_.folder().sparse("card.img", 8 << 20)};
  std::string number_;
};

TEST_F(PortTarget, is_the_disk_behind_the_port_at_this_moment) {
  const auto target = inspect_port(port("pci-0000:00:14.0/2"), {}, pc_.machine());
  ASSERT_TRUE(target) << to_text(target.error());
  EXPECT_EQ(target->kind, InspectedTarget::Kind::block_device);
  EXPECT_EQ(target->size.value, 8U << 20);
  EXPECT_THAT(target->given, HasSubstr("pci-0000:00:14.0/2 ("));
}

TEST_F(PortTarget, is_refused_when_the_node_leads_to_another_disk) {
  pc_.unplug("1-2");
  pc_.plug("1-2");
  pc_.disk("1-2", 0, "sdb", 16, 8 << 20);  // 8:16, while the node is the loop device
  std::filesystem::remove(pc_.folder() / "dev/sdb");
  std::filesystem::create_symlink(loop_.path(), pc_.folder() / "dev/sdb");
  const auto target = inspect_port(port("pci-0000:00:14.0/2"), {}, pc_.machine());
  ASSERT_FALSE(target);
}

TEST_F(PortTarget, needs_a_medium) {
  pc_.medium("sdb", 0);
  const auto target = inspect_port(port("pci-0000:00:14.0/2"), {}, pc_.machine());
  ASSERT_FALSE(target);
  EXPECT_EQ(target.error().code, errc::target_no_medium);
}

}  // namespace
}  // namespace flashline::transport
