// `new bsp --from`: a board from outside becomes part of a workspace.

#include <boost/json.hpp>
#include <filesystem>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/fakes/command.h"
#include "tests/fakes/temp_folder.h"

namespace flashline::line {
namespace {

namespace fs = std::filesystem;
using fakes::CommandResult;
using ::testing::HasSubstr;

class NewCommands : public ::testing::Test {
 protected:
  NewCommands() {
    const fs::path shared = FLASHLINE_SOURCE_DIR "/tests/data/iot-workspace";
    folder_.file("ws/IoTWorkspace.xml", "<IoTWorkspace><CurrentEnv>arm</CurrentEnv></IoTWorkspace>");
    fs::create_directories(folder_ / "from");
    fs::copy(shared / "iot-adk-addonkit-17134/Source-arm/BSP/Rpi2", folder_ / "from", fs::copy_options::recursive);
  }
  CommandResult import(std::vector<std::string> more = {}) const {
    std::vector<std::string> words{FLASHLINE_BIN_DIR "/flashline", "new",   "bsp",
                                   (folder_ / "ws").string(),      "RPi2",  "--from",
                                   (folder_ / "from").string(),    "--json"};
    words.insert(words.end(), more.begin(), more.end());
    return fakes::run_command(words);
  }
  fakes::TempFolder folder_{"/tmp"};
};

TEST_F(NewCommands, ImportABoard) {
  const CommandResult run = import();
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const auto made = boost::json::parse(run.out).as_object();
  EXPECT_EQ(made.at("manifests").as_array().size(), 1U);
  EXPECT_TRUE(fs::exists(folder_ / "ws/Source-arm/BSP/RPi2/OEMInputSamples/TestOEMInput.xml"));
  const CommandResult again = import();
  EXPECT_EQ(again.exit_code, 3);
  EXPECT_THAT(again.err, HasSubstr("error[FL-BLD-084]"));
}

TEST_F(NewCommands, RefuseABoardOfAnotherProcessor) {
  const CommandResult run = import({"--arch", "arm64"});
  EXPECT_EQ(run.exit_code, 3);
  EXPECT_THAT(run.err, HasSubstr("error[FL-BLD-082]"));
}

TEST_F(NewCommands, RefuseABoardWhoseFirmwareWouldStumble) {
  folder_.file("from/OEMInputSamples/SMBIOS.CFG", "CFG:01.01\nnonsense\n");
  const CommandResult run = import();
  EXPECT_EQ(run.exit_code, 3);
  EXPECT_THAT(run.err, HasSubstr("error[FL-BLD-086]"));
  EXPECT_THAT(run.err, HasSubstr("SMBIOS.CFG:2:"));
}

}  // namespace
}  // namespace flashline::line
