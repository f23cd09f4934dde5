// `flashline station learn`, sheet and ports as somebody uses them, boards in the kernel's own ports.
#include <gmock/gmock.h>

#include "tests/lab/checks/conversation.h"
#include "tests/lab/checks/station_rig.h"
#include "tests/lab/emulators/pi_boot_rom.h"

namespace flashline::lab {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const std::string unlearned = R"(<station name="rack" mode="test">
  <trust allow-unsigned="true"/>
  <!-- how it began -->
  <slots/>
</station>
)";

class Learning : public StationOnTheLine {
 protected:
  Learning() { station_.configure(unlearned); }

  std::vector<std::string> learn() const {
    return {FLASHLINE_BIN_DIR "/flashline",
            "station",
            "learn",
            file_.string(),
            "--slots",
            "3",
            "--columns",
            "2",
            "--board",
            "Card"};
  }
  std::string written() const { return fakes::slurp(file_); }
  /// Nothing else was left beside the file, either.
  bool untouched() const { return written() == unlearned && !std::filesystem::exists(file_.string() + ".new"); }
  std::string flashline(std::vector<std::string> words) const {
    words.insert(words.begin(), FLASHLINE_BIN_DIR "/flashline");
    words.insert(words.end(), {"--config", file_.string()});
    const auto run = fakes::run_command(words);
    EXPECT_EQ(run.exit_code, 0) << run.err;
    return run.out;
  }

  std::filesystem::path file_{folder_ / "station.xml"};
  std::shared_ptr<CountingDevice> rom_{std::make_shared<CountingDevice>(std::make_shared<PiBootRom>())};
  LabBoard board_{plan_of(6, rom_)};
  LabBoard stick_{plan_of(20, reader({card()}))};
  LabBoard reader_{plan_of(35, reader({nullptr, card()}))};  // a card in its second slot
};

TEST_F(Learning, PluggingInWritesTheMapAndTheSheet) {
  Conversation wizard{learn()};
  ASSERT_TRUE(wizard.says("into slot 1 (row 1, column 1)")) << wizard.all();
  board_.plug();
  ASSERT_TRUE(wizard.says("Slot 1 is " + port_text(6))) << wizard.all();
  ASSERT_TRUE(wizard.says("into slot 2 (row 1, column 2)"));
  board_.unplug();
  board_.plug();
  EXPECT_TRUE(wizard.says(port_text(6) + " is slot 1 already")) << "the same board twice: " << wizard.all();
  stick_.plug();
  ASSERT_TRUE(wizard.says("Slot 2 is " + port_text(20))) << wizard.all();
  reader_.plug();
  ASSERT_TRUE(wizard.says("Slot 3 is " + port_text(35) + "#1")) << wizard.all();
  ASSERT_TRUE(wizard.says("[y/N]"));
  EXPECT_TRUE(untouched()) << "before it is confirmed";
  wizard.type("y");
  EXPECT_EQ(wizard.end(), 0) << wizard.all();

  EXPECT_THAT(written(), HasSubstr(R"(name="1" row="1" column="1"><port path=")" + port_text(6) + R"(" board="Card")"));
  EXPECT_THAT(written(), HasSubstr(R"(name="2" row="1" column="2"><port path=")" + port_text(20) + "\""));
  EXPECT_THAT(written(), HasSubstr(R"(name="3" row="2" column="1"><port path=")" + port_text(35) + "#1\""));
  EXPECT_THAT(written(), HasSubstr("<!-- how it began -->"));
  EXPECT_EQ(rom_->asked, 0) << "learning talks to nobody";

  const auto sheet = folder_ / "labels.html";
  flashline({"station", "sheet", sheet});
  for (const unsigned socket : {6U, 20U, 35U}) EXPECT_THAT(fakes::slurp(sheet), HasSubstr(port_text(socket)));
  EXPECT_THAT(fakes::slurp(sheet), HasSubstr("<b>3</b>row 2, column 1"));
  EXPECT_THAT(flashline({"station", "ports"}), ::testing::ContainsRegex(port_text(20) + " +2 "));
}

TEST_F(Learning, AWrongOrderIsTakenBack) {
  Conversation wizard{learn()};
  ASSERT_TRUE(wizard.says("into slot 1"));
  stick_.plug();  // this one is in slot 2
  ASSERT_TRUE(wizard.says("Slot 1 is " + port_text(20))) << wizard.all();
  ASSERT_TRUE(wizard.says("into slot 2"));
  wizard.type("b");
  ASSERT_TRUE(wizard.says("into slot 1"));
  EXPECT_TRUE(untouched());
  board_.plug();
  ASSERT_TRUE(wizard.says("Slot 1 is " + port_text(6))) << wizard.all();
  stick_.unplug();
  stick_.plug();
  ASSERT_TRUE(wizard.says("Slot 2 is " + port_text(20))) << wizard.all();
  ASSERT_TRUE(wizard.says("into slot 3"));
  wizard.type("s");  // it has no port yet
  ASSERT_TRUE(wizard.says("[y/N]"));
  EXPECT_TRUE(untouched());
  wizard.type("y");
  EXPECT_EQ(wizard.end(), 0);
  EXPECT_THAT(written(), HasSubstr("name=\"1\" row=\"1\" column=\"1\"><port path=\"" + port_text(6)));
  EXPECT_THAT(written(), HasSubstr("name=\"2\" row=\"1\" column=\"2\"><port path=\"" + port_text(20)));
  EXPECT_THAT(written(), Not(HasSubstr("name=\"3\"")));
}

TEST_F(Learning, WhatIsCalledOffLeavesTheFileAsItWas) {
  struct Way {
    const char* name;
    std::function<int(Conversation&)> leave;
    int code;
  };
  const std::vector<Way> ways{
      {"q", [](Conversation& wizard) { return wizard.type("q"), wizard.end(); }, 6},
      {"interrupt", [](Conversation& wizard) { return wizard.kill(SIGINT), wizard.end(); }, 128 + SIGINT},
      {"killed", [](Conversation& wizard) { return wizard.kill(SIGKILL), wizard.end(); }, 128 + SIGKILL},
  };
  for (const Way& way : ways) {
    Conversation wizard{learn()};
    ASSERT_TRUE(wizard.says("into slot 1"));
    board_.plug();
    ASSERT_TRUE(wizard.says("into slot 2")) << wizard.all();
    EXPECT_EQ(way.leave(wizard), way.code) << way.name << ": " << wizard.all();
    EXPECT_TRUE(untouched()) << way.name;
    board_.unplug();
    ASSERT_TRUE(until([] { return !std::filesystem::exists(usb_folder_on(6)); }));
  }
  Conversation wizard{learn()};
  ASSERT_TRUE(wizard.says("into slot 1"));
  board_.plug();
  ASSERT_TRUE(wizard.says("into slot 2"));
  wizard.type("s\ns");
  ASSERT_TRUE(wizard.says("[y/N]"));
  wizard.type("n");
  EXPECT_EQ(wizard.end(), 6);
  EXPECT_TRUE(untouched()) << "not confirmed";
}

}  // namespace
}  // namespace flashline::lab
