// What the shipped udev rules do to real devices, udevd running: those for all boards, and those that `flashline
// station rules` makes for a station's slots.
#include <gmock/gmock.h>
#include <grp.h>
#include <regex>
#include <sys/stat.h>

#include "tests/lab/checks/station_rig.h"
#include "tests/lab/emulators/pi_boot_rom.h"

namespace flashline::lab {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr unsigned slot_socket = 7;
constexpr unsigned card_socket = 8;  // its second card slot is a slot, the first is none
constexpr unsigned no_slot = 9;

/// A device that is only looked at.
class SilentDevice final : public EmulatedDevice {
 public:
  SilentDevice(std::uint16_t vendor, std::uint16_t product)
      : descriptors_{
            describe({.vendor = vendor, .product = product, .interfaces = {{.endpoints = {{0x81}, {0x01}}}}})} {}
  const Descriptors& descriptors() const override { return descriptors_; }
  Reply control(const Setup&, std::span<const std::byte>) override { return Reply::refuse(); }
  Reply out(std::uint8_t, std::span<const std::byte>) override { return Reply::refuse(); }
  Reply in(std::uint8_t, std::size_t) override { return Reply::nothing_yet(); }

 private:
  Descriptors descriptors_;
};

/// A card with one partition, as an MBR says it.
std::shared_ptr<Medium> partitioned_card() {
  auto medium = std::make_shared<Medium>(station_card_size);
  const auto entry = medium->bytes().subspan(446, 16);
  entry[4] = std::byte{0x83};
  entry[9] = std::byte{0x08};   // from sector 2048 on
  entry[13] = std::byte{0x08};  // 2048 sectors
  medium->bytes()[510] = std::byte{0x55};
  medium->bytes()[511] = std::byte{0xaa};
  return medium;
}

std::string owner_of(const fs::path& node) {
  struct stat facts{};
  if (::stat(node.c_str(), &facts) != 0) return "nobody: it is not there";
  const group* owner = ::getgrgid(facts.st_gid);
  const std::string mode = std::to_string((facts.st_mode >> 6U) & 7U) + std::to_string((facts.st_mode >> 3U) & 7U) +
                           std::to_string(facts.st_mode & 7U);
  return (owner == nullptr ? std::to_string(facts.st_gid) : owner->gr_name) + " " + mode;
}

std::string trimmed(std::string text) {
  text.erase(text.find_last_not_of('\n') + 1);
  return text;
}

class UdevRules : public StationOnTheLine {
 protected:
  static inline const fs::path own_rules = FLASHLINE_SOURCE_DIR "/udev/60-flashline.rules";
  static inline const fs::path installed = "/etc/udev/rules.d/60-flashline.rules";
  static inline const fs::path installed_slots = "/etc/udev/rules.d/61-flashline-slots.rules";

  static fakes::CommandResult run(std::vector<std::string> words) {
    auto result = fakes::run_command(words);
    EXPECT_EQ(result.exit_code, 0) << words.front() << ": " << result.err;
    return result;
  }

  /// As the README says it.
  static void SetUpTestSuite() {
    run({"systemd-sysusers", FLASHLINE_SOURCE_DIR "/udev/flashline.sysusers"});
    fs::create_directories(installed.parent_path());
    fs::copy_file(own_rules, installed, fs::copy_options::overwrite_existing);
  }
  static void TearDownTestSuite() {
    fs::remove(installed);
    fs::remove(installed_slots);
    run({"udevadm", "control", "--reload"});
  }

  void SetUp() override {
    station_.configure(fakes::StationProcess::xml(slot_xml("one", port_text(slot_socket)) +
                                                  slot_xml("two", port_text(card_socket) + "#1")));
    const auto made = run({FLASHLINE_BIN_DIR "/flashline", "station", "rules", folder_ / "station.xml"});
    std::ofstream{installed_slots} << made.out;
    run({"udevadm", "control", "--reload"});
  }

  /// What udev knows of a node, once it is done with it.
  static std::string known(const fs::path& node) {
    run({"udevadm", "settle", "--timeout=30"});
    return run({"udevadm", "info", "--query=property", "--name=" + node.string()}).out;
  }
  /// udev looks at the node again whenever somebody closes it.
  static bool watched(const fs::path& node) {
    const std::string number = trimmed(fakes::slurp("/sys/class/block" / node.filename() / "dev"));
    return fs::is_symlink("/run/udev/watch/b" + number);
  }
  static auto hands_off() {
    return AllOf(HasSubstr("UDISKS_IGNORE=1\n"), HasSubstr("UDISKS_AUTO=0\n"), HasSubstr("SYSTEMD_READY=0\n"),
                 HasSubstr("DM_MULTIPATH_DEVICE_PATH=0\n"));
  }
  static auto as_ever() {
    return AllOf(Not(HasSubstr("UDISKS_")), Not(HasSubstr("SYSTEMD_READY")), Not(HasSubstr("DM_MULTIPATH")),
                 Not(HasSubstr("flashline")));
  }
  /// What kind of driver holds interface `number` of the device on a port; empty: none.
  static std::string driver_of(unsigned socket, unsigned number) {
    const fs::path link = interface_of(socket, number) / "driver";
    return fs::is_symlink(link) ? fs::read_symlink(link).filename().string() : "";
  }
  static fs::path interface_of(unsigned socket, unsigned number) {
    const fs::path device = usb_folder_on(socket);
    return device / (device.filename().string() + ":1." + std::to_string(number));
  }
};

TEST_F(UdevRules, EveryBoardOfAProfileIsForTheGroup) {
  const std::string text = fakes::slurp(own_rules);
  const std::regex rule{R"re(ATTR\{idVendor\}=="(\w+)", ATTR\{idProduct\}=="([\w|]+)", GROUP)re"};
  std::vector<std::pair<std::string, std::unique_ptr<LabBoard>>> boards;
  for (std::sregex_iterator line{text.begin(), text.end(), rule}; line != std::sregex_iterator{}; ++line) {
    const std::string products = (*line)[2];
    const std::regex word{R"(\w+)"};
    for (std::sregex_iterator id{products.begin(), products.end(), word}; id != std::sregex_iterator{}; ++id) {
      const auto vendor = static_cast<std::uint16_t>(std::stoul((*line)[1], nullptr, 16));
      const auto product = static_cast<std::uint16_t>(std::stoul(id->str(), nullptr, 16));
      const auto socket = static_cast<unsigned>(20 + boards.size());
      boards.emplace_back((*line)[1].str() + ":" + id->str(),
                          std::make_unique<LabBoard>(plan_of(socket, std::make_shared<SilentDevice>(vendor, product))));
      boards.back().second->plug();
    }
  }
  ASSERT_GT(boards.size(), 20);
  LabBoard other{plan_of(19, std::make_shared<SilentDevice>(0x16c0, 0x0483))};
  other.plug();
  for (std::size_t each = 0; each < boards.size(); ++each) {
    const fs::path node = usb_node_on(static_cast<unsigned>(20 + each));
    EXPECT_THAT(known(node), HasSubstr("ID_MM_DEVICE_IGNORE=1\n")) << boards[each].first;
    EXPECT_EQ(owner_of(node), "flashline 660") << boards[each].first;
  }
  EXPECT_THAT(known(usb_node_on(19)), as_ever());
  EXPECT_EQ(owner_of(usb_node_on(19)), "root 664") << "somebody else's device";
}

TEST_F(UdevRules, UsbStorageKeepsOffTheDiskOfABootRom) {
  LabBoard rom{plan_of(20, std::make_shared<PiBootRom>(PiBoardPlan{.product = 0x2764, .two_interfaces = true}))};
  LabBoard gadget{plan_of(21, reader({card()}, {.vendor = 0x0a5c, .product = 0x0104}))};
  rom.plug();
  gadget.plug();
  ASSERT_TRUE(until([] { return trimmed(fakes::slurp(interface_of(20, 0) / "authorized")) == "0"; }));
  EXPECT_TRUE(until([] { return driver_of(20, 0).empty(); }, 5s)) << driver_of(20, 0);
  EXPECT_EQ(trimmed(fakes::slurp(interface_of(20, 0) / "bInterfaceClass")), "08");
  EXPECT_EQ(trimmed(fakes::slurp(interface_of(20, 1) / "authorized")), "1") << "that one is spoken to";
  disk_on(21);
  EXPECT_EQ(driver_of(21, 0), "usb-storage") << "a board that shows its storage is left to the kernel";
}

TEST_F(UdevRules, OthersKeepOffTheDisksOfSlots) {
  LabBoard in_slot{plan_of(slot_socket, reader({partitioned_card()}))};
  LabBoard elsewhere{plan_of(no_slot, reader({partitioned_card()}))};
  in_slot.plug();
  elsewhere.plug();
  const fs::path disk = disk_on(slot_socket);
  EXPECT_THAT(known(disk), hands_off());
  EXPECT_EQ(owner_of(disk), "flashline 660");
  EXPECT_EQ(fs::canonical("/dev/flashline/one"), disk);
  EXPECT_FALSE(watched(disk));
  EXPECT_THAT(known(disk.string() + "1"), hands_off()) << "its partitions, too";
  EXPECT_EQ(owner_of(disk.string() + "1"), "flashline 660");

  const fs::path other = disk_on(no_slot);
  EXPECT_THAT(known(other), as_ever());
  EXPECT_THAT(known(other.string() + "1"), as_ever());
  EXPECT_EQ(owner_of(other), "disk 660");
  EXPECT_EQ(owner_of(usb_node_on(no_slot)), "root 664");
  EXPECT_TRUE(watched(other));
}

TEST_F(UdevRules, ASlotHasBothSidesOfItsSocket) {
  LabBoard in_slot{plan_of(slot_socket, reader({card()}, {.speed = transport::UsbSpeed::super}))};
  in_slot.plug();
  const fs::path disk = disk_on(slot_socket);
  ASSERT_EQ(trimmed(fakes::slurp(usb_folder_on(slot_socket, transport::UsbSpeed::super) / "speed")), "5000");
  EXPECT_THAT(known(disk), hands_off());
}

TEST_F(UdevRules, OfAReaderOnlyTheCardSlotThatIsASlot) {
  LabBoard board{plan_of(card_socket, reader({card(), card()}))};
  board.plug();
  EXPECT_THAT(known(disk_on(card_socket, 1)), hands_off());
  EXPECT_EQ(fs::canonical("/dev/flashline/two"), disk_on(card_socket, 1));
  EXPECT_THAT(known(disk_on(card_socket, 0)), as_ever());
}

/// The kernel as it comes asks no reader for its card: one that is put in later would never be seen.
TEST_F(UdevRules, ReadersAreAskedForTheirCards) {
  ASSERT_EQ(trimmed(fakes::slurp("/sys/module/block/parameters/events_dfl_poll_msecs")), "0");
  const auto device = reader({nullptr});
  LabBoard board{plan_of(card_socket, device)};
  board.plug();
  const fs::path disk = disk_on(card_socket);
  const fs::path facts = "/sys/class/block" / disk.filename();
  EXPECT_TRUE(until([&] { return trimmed(fakes::slurp(facts / "events_poll_msecs")) == "2000"; }, 10s));
  EXPECT_EQ(trimmed(fakes::slurp(facts / "size")), "0");
  const auto sectors = std::to_string(station_card_size / 512);
  ASSERT_TRUE(board.with_device([&](EmulatedDevice&) { device->disk(0).insert(card()); }));
  EXPECT_TRUE(until([&] { return trimmed(fakes::slurp(facts / "size")) == sectors; }, 20s)) << "nobody noticed";
  ASSERT_TRUE(board.with_device([&](EmulatedDevice&) { device->disk(0).eject(); }));
  EXPECT_TRUE(until([&] { return trimmed(fakes::slurp(facts / "size")) == "0"; }, 20s)) << "it still seems to be in";
}

TEST_F(UdevRules, UdevItselfFindsNothingWrong) {
  if (fakes::run_command({"udevadm", "verify", "--help"}).exit_code != 0)
    GTEST_SKIP() << "this udevadm has no verify (it came with systemd 254)";
  run({"udevadm", "verify", installed, installed_slots});
}

}  // namespace
}  // namespace flashline::lab
