// Slots that are bound to USB ports, through the daemon: a machine of folders says what hangs where, and a loop device
// is the card.
#include <boost/json.hpp>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "tests/fakes/disk_images.h"
#include "tests/fakes/fake_usb_tree.h"
#include "tests/fakes/loop_device.h"
#include "tests/fakes/station_process.h"

namespace flashline::line {
namespace {

namespace json = boost::json;
using fakes::StationProcess;
using ::testing::HasSubstr;

constexpr std::uint64_t card_size = 8 << 20;

class PortSlotsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (loop_.path().empty()) GTEST_SKIP() << "no loop devices here";
    std::string noise(1 << 20, '\0');
    for (std::size_t i = 0; i < noise.size(); ++i) noise[i] = static_cast<char>(i * 7 + i / 251);
    folder_.file("panel.img", noise);
    station_.options = {"--machine", pc_.folder().path().string()};
  }

  /// The loop device becomes the disk of what is on `name`.
  void put_card(const std::string& name, unsigned lun = 0) {
    struct stat found{};
    ::stat(loop_.path().c_str(), &found);
    const std::string number = std::to_string(major(found.st_rdev)) + ":" + std::to_string(minor(found.st_rdev));
    pc_.disk_numbered(name, lun, "sdb", number, card_size);
    std::string sequence = fakes::slurp("/sys/dev/block/" + number + "/diskseq");
    pc_.set("sdb", "diskseq", sequence.substr(0, sequence.find('\n')));
    std::filesystem::remove(pc_.folder() / "dev/sdb");
    std::filesystem::create_symlink(loop_.path(), pc_.folder() / "dev/sdb");
  }

  static std::string slot(int n, std::string_view port, std::string_view board = "Card") {
    const std::string number = std::to_string(n);
    return "<slot name=\"" + number + "\" row=\"1\" column=\"" + number + "\"><port path=\"" + std::string{port} +
           "\" board=\"" + std::string{board} + "\"/></slot>";
  }
  bool start(const std::string& slots) {
    station_.configure(StationProcess::xml(slots));
    return station_.start();
  }
  json::object slot_view(const std::string& name) const {
    return json::parse(station_.get("/api/v1/slots/" + name).body).as_object();
  }
  bool becomes(const std::string& name, std::string_view state) const {
    for (int tries = 0; tries < 400; ++tries) {
      if (slot_view(name).at("state").as_string() == state) return true;
      ::usleep(20'000);
    }
    return false;
  }
  fakes::CommandResult flash(const std::string& image = "panel.img", std::vector<std::string> more = {}) const {
    std::vector<std::string> words{"batch", "create", (folder_ / image).string(), "--quantity", "1"};
    words.insert(words.end(), more.begin(), more.end());
    return station_.flashline(words);
  }
  std::string card() const { return fakes::slurp(pc_.folder() / "card.img"); }
  bool card_is_untouched() const { return card().find_first_not_of('\0') == std::string::npos; }

  fakes::TempFolder folder_;
  fakes::FakeUsbPc pc_;
  fakes::LoopDevice loop_{pc_.folder().sparse("card.img", card_size)};
  StationProcess station_{folder_.path()};
};

TEST_F(PortSlotsTest, a_card_that_is_put_into_a_slot_is_flashed_by_its_port) {
  ASSERT_TRUE(start(slot(1, "pci-0000:00:14.0/5.2#1") + slot(2, "pci-0000:00:14.0/5.3"))) << station_.log();
  EXPECT_TRUE(becomes("1", "empty"));
  pc_.plug("1-5.2");
  pc_.disk("1-5.2", 0, "sdc", 32, 0);
  put_card("1-5.2", 1);
  EXPECT_TRUE(becomes("1", "ready")) << station_.log();
  EXPECT_EQ(slot_view("2").at("state").as_string(), "empty");
  const auto run = flash("panel.img", {"--wait"});
  EXPECT_EQ(run.exit_code, 0) << run.err << station_.log();
  EXPECT_EQ(card().substr(0, 1 << 20), fakes::slurp(folder_ / "panel.img"));
  EXPECT_TRUE(becomes("1", "passed"));
  EXPECT_EQ(slot_view("1").at("target").as_string(), "pci-0000:00:14.0/5.2#1");
  EXPECT_EQ(slot_view("1").at("board").as_string(), "Card");
  pc_.medium("sdb", 0);
  EXPECT_TRUE(becomes("1", "empty"));
}

TEST_F(PortSlotsTest, what_is_on_a_port_of_no_slot_is_shown_and_never_touched) {
  pc_.plug("1-2", {.name = "Somebody's stick"});
  put_card("1-2");
  ASSERT_TRUE(start(slot(1, "pci-0000:00:14.0/5.3"))) << station_.log();
  const auto begun = flash();
  EXPECT_EQ(begun.exit_code, 0) << begun.err;
  std::string shown;
  for (int tries = 0; tries < 100 && shown.find("Somebody") == std::string::npos; ++tries) {
    shown = station_.flashline({"station", "ports"}).out;
    ::usleep(20'000);
  }
  EXPECT_THAT(shown, HasSubstr("pci-0000:00:14.0/2"));
  EXPECT_THAT(shown, HasSubstr("Generic Somebody's stick"));
  const auto port = json::parse(station_.get("/api/v1/ports").body).at("ports").at(0).as_object();
  EXPECT_TRUE(port.at("slot").is_null());
  EXPECT_EQ(port.at("size_bytes").to_number<std::uint64_t>(), card_size);
  ::usleep(1'200'000);  // longer than a slot's look at its port
  EXPECT_EQ(slot_view("1").at("state").as_string(), "empty");
  EXPECT_TRUE(card_is_untouched());
}

TEST_F(PortSlotsTest, an_image_for_another_board_is_refused_before_the_first_write) {
  pc_.plug("1-2");
  put_card("1-2");
  const auto imported =
      fakes::run_command({FLASHLINE_BIN_DIR "/flashline", "image", "import", (folder_ / "panel.img").string(),
                          (folder_ / "other.ffu").string(), "--platform", "Contoso.Panel", "--allow-unsigned"});
  ASSERT_EQ(imported.exit_code, 0) << imported.err;
  ASSERT_TRUE(start(slot(1, "pci-0000:00:14.0/2", "RaspberryPi-2"))) << station_.log();
  ASSERT_EQ(flash("other.ffu").exit_code, 0);
  ASSERT_TRUE(becomes("1", "failed")) << station_.log();
  const auto error = slot_view("1").at("error").as_object();
  EXPECT_EQ(error.at("code").as_string(), "FL-TGT-009");
  EXPECT_THAT(std::string{error.at("text").as_string()},
              HasSubstr("'RaspberryPi-2', the image is for 'Contoso.Panel'"));
  EXPECT_TRUE(card_is_untouched());
}

TEST_F(PortSlotsTest, a_missing_boot_file_is_said_at_the_start) {
  const std::string slots = slot(1, "pci-0000:00:14.0/2", "RaspberryPi-CM4");
  EXPECT_FALSE(start(slots));
  EXPECT_THAT(station_.log(), HasSubstr("error[FL-CFG-042]"));
  EXPECT_THAT(station_.log(), HasSubstr("boards/raspberrypi/fastboot-gadget is missing"));
  const std::string file = (folder_ / "station.xml").string();
  const auto checked = station_.flashline({"station", "check", file});
  EXPECT_EQ(checked.exit_code, 6);
  EXPECT_THAT(checked.err, HasSubstr("FL-CFG-042"));
  std::filesystem::create_directories(folder_ / "boards/raspberrypi/fastboot-gadget");
  const auto complete = station_.flashline({"station", "check", file});
  EXPECT_EQ(complete.exit_code, 0) << complete.err;
  EXPECT_THAT(complete.out, HasSubstr("1 slots: valid"));
  EXPECT_TRUE(start(slots)) << station_.log();
}

TEST_F(PortSlotsTest, folders_in_the_place_of_a_machine_are_not_for_production) {
  std::string xml = StationProcess::xml(slot(1, "pci-0000:00:14.0/2"));
  station_.configure(xml.replace(xml.find("\"test\""), 6, "\"production\""));
  EXPECT_FALSE(station_.start());
  EXPECT_THAT(station_.log(), HasSubstr("FL-USE-001"));
}

}  // namespace
}  // namespace flashline::line
