// flashline station learn and sheet, as somebody runs them.
#include <chrono>
#include <future>
#include <gmock/gmock.h>
#include <thread>

#include "tests/fakes/command.h"
#include "tests/fakes/fake_usb_tree.h"
#include "tests/fakes/temp_folder.h"

namespace flashline::line {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;

const std::string station = R"(<station name="line 1" mode="production">
  <trust allow-unsigned="true"/>
  <slots>
    <slot name="old" row="9" column="1"><port path="pci-0/9" board="UP"/></slot>
  </slots>
  <!-- to the end -->
</station>
)";

class StationLearnTest : public ::testing::Test {
 protected:
  fakes::CommandResult learn(std::vector<std::string> more) const {
    std::vector<std::string> words{FLASHLINE_BIN_DIR "/flashline", "station", "learn", file_.string()};
    words.insert(words.end(), more.begin(), more.end());
    return fakes::run_command(words, {}, 30000);
  }
  fakes::CommandResult learn_list(const std::string& ports, std::vector<std::string> more = {"--yes"}) const {
    folder_.file("ports", ports);
    more.insert(more.end(),
                {"--slots", "2", "--columns", "1", "--board", "Card", "--ports", (folder_ / "ports").string()});
    return learn(std::move(more));
  }
  std::string written() const { return fakes::slurp(file_); }

  fakes::TempFolder folder_;
  std::filesystem::path file_{folder_.file("station.xml", station)};
};

TEST_F(StationLearnTest, ports_are_written_behind_the_slots_that_are_there) {
  const auto run = learn_list("pci-0000:00:14.0/2.1\n# the reader\npci-0000:00:14.0/2.2#1\n");
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(
      run.out,
      HasSubstr(
          "+    <slot name=\"1\" row=\"1\" column=\"1\"><port path=\"pci-0000:00:14.0/2.1\" board=\"Card\"/></slot>\n"
          "+    <slot name=\"2\" row=\"2\" column=\"1\"><port path=\"pci-0000:00:14.0/2.2#1\" "
          "board=\"Card\"/></slot>\n"));
  EXPECT_THAT(run.out, Not(HasSubstr("\n-")));
  EXPECT_THAT(written(), HasSubstr("board=\"UP\"/></slot>\n    <slot name=\"1\""));
  EXPECT_THAT(written(), HasSubstr("  <!-- to the end -->"));
}

TEST_F(StationLearnTest, a_port_that_is_bound_and_one_that_comes_twice_are_asked_for_again) {
  const auto run = learn_list("pci-0/9\npci-0/1\npci-0/1\npci-0/2\n");
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("pci-0/9 is slot old already"));
  EXPECT_THAT(run.out, HasSubstr("pci-0/1 is slot 1 already"));
  EXPECT_THAT(written(), HasSubstr("name=\"2\" row=\"2\" column=\"1\"><port path=\"pci-0/2\""));
}

TEST_F(StationLearnTest, nothing_is_written_when_it_ends_half_way) {
  const auto run = learn_list("pci-0/1\n");
  EXPECT_EQ(run.exit_code, 6);
  EXPECT_THAT(run.err, HasSubstr("nothing was written"));
  EXPECT_EQ(written(), station);
}

TEST_F(StationLearnTest, nothing_is_written_that_nobody_confirms) {
  const auto run = learn_list("pci-0/1\npci-0/2\n", {});
  EXPECT_EQ(run.exit_code, 6);
  EXPECT_THAT(run.out, HasSubstr("+    <slot name=\"1\""));
  EXPECT_THAT(run.err, HasSubstr("nothing was written"));
  EXPECT_EQ(written(), station);
}

TEST_F(StationLearnTest, a_board_that_nobody_knows_is_said_before_the_first_slot) {
  const auto run = learn({"--slots", "2", "--board", "RaspberryPi-CM7", "--yes"});
  EXPECT_EQ(run.exit_code, 6);
  EXPECT_THAT(run.err, HasSubstr("did you mean 'RaspberryPi-CM"));
  EXPECT_THAT(run.out, Not(HasSubstr("Plug")));
  EXPECT_EQ(learn({"--slots", "2"}).exit_code, 2) << "no board";
  EXPECT_EQ(learn({"--slots", "0", "--board", "Card"}).exit_code, 2);
}

TEST_F(StationLearnTest, boards_are_plugged_in_one_after_the_other) {
  fakes::FakeUsbPc pc;
  pc.plug("1-2", {.name = "Keyboard"});
  const std::string machine = pc.folder().path().string();
  auto run = std::async(std::launch::async,
                        [&] { return learn({"--slots", "2", "--board", "Card", "--machine", machine, "--yes"}); });
  std::this_thread::sleep_for(500ms);
  pc.plug("2-1.3");
  pc.disk("2-1.3", 0, "sdb", 16, 32 << 20);
  std::this_thread::sleep_for(1000ms);
  pc.unplug("2-1.3");
  pc.plug("1-5.4", {.vendor = "0a5c", .product = "2711", .name = "BCM2711 Boot"});
  const auto done = run.get();
  EXPECT_EQ(done.exit_code, 0) << done.err;
  EXPECT_THAT(done.out, HasSubstr("Slot 1 is pci-0000:00:14.0/5.3 (Mass Storage Device, sdb of 0.0 GB)."));
  EXPECT_THAT(done.out, HasSubstr("Slot 2 is pci-0000:00:14.0/5.4 (BCM2711 Boot)."));
  EXPECT_THAT(written(), HasSubstr("<port path=\"pci-0000:00:14.0/5.4\" board=\"Card\"/>"));
}

TEST_F(StationLearnTest, the_sheet_has_the_learned_slots) {
  ASSERT_EQ(learn_list("pci-0/1\npci-0/2\n").exit_code, 0);
  const auto sheet = folder_ / "labels.html";
  const auto run = fakes::run_command(
      {FLASHLINE_BIN_DIR "/flashline", "station", "sheet", sheet.string(), "--config", file_.string()});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  const std::string html = fakes::slurp(sheet);
  for (const char* text : {"<h1>line 1</h1>", "<b>2</b>row 2, column 1", "pci-0/2", "<b>old</b>"}) {
    EXPECT_THAT(html, HasSubstr(text));
  }
}

TEST_F(StationLearnTest, udev_is_told_to_keep_others_off_the_slots) {
  fakes::FakeUsbPc pc;
  ASSERT_EQ(learn_list("pci-0000:00:14.0/5.3\npci-0000:00:14.0/2#1\n").exit_code, 0);
  const auto run = fakes::run_command(
      {FLASHLINE_BIN_DIR "/flashline", "station", "rules", file_.string(), "--machine", pc.folder().path().string()});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("ENV{ID_PATH}==\"pci-0000:00:14.0-usb-0:5.3:*|pci-0000:00:14.0-usb-0:1.3:*\""));
  EXPECT_THAT(run.out, HasSubstr("ENV{ID_PATH}==\"pci-0000:00:14.0-usb-0:2:*-scsi-0:0:0:1\""));
  for (const char* text : {"ENV{UDISKS_IGNORE}=\"1\"", "GROUP=\"flashline\"", "SYMLINK+=\"flashline/1\"",
                           "OPTIONS+=\"nowatch\"", "ENV{SYSTEMD_READY}=\"0\"", "ENV{DM_MULTIPATH_DEVICE_PATH}=\"0\""}) {
    EXPECT_THAT(run.out, HasSubstr(text));
  }
}

TEST_F(StationLearnTest, ports_are_listed_without_a_station) {
  fakes::FakeUsbPc pc;
  pc.plug("1-2", {.name = "Stick"});
  pc.disk("1-2", 0, "sdb", 16, 32 << 20);
  const auto run = fakes::run_command({FLASHLINE_BIN_DIR "/flashline", "station", "ports", "--config", file_.string(),
                                       "--machine", pc.folder().path().string()});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("pci-0000:00:14.0/2"));
  EXPECT_THAT(run.out, HasSubstr("Generic Stick"));
}

}  // namespace
}  // namespace flashline::line
