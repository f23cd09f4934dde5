// From a published workspace to a verified image with the program alone, as a script would do it.

#include <boost/json.hpp>
#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/fakes/command.h"
#include "tests/fakes/temp_folder.h"

namespace flashline::line {
namespace {

namespace fs = std::filesystem;
using fakes::CommandResult;
using ::testing::HasSubstr;

class ImageBuild : public ::testing::Test {
 protected:
  void SetUp() override {
    const fs::path shared = FLASHLINE_SOURCE_DIR "/tests/data/iot-workspace";
    copy(shared / "iot-adk-addonkit/Workspace", "ws");
    copy(shared / "iot-adk-addonkit-17134/Source-arm/BSP/Rpi2", "ws/Source-arm/BSP/Rpi2");
    std::ofstream{path("ws/Source-arm/Products/SampleA/oemcustomization.cmd")} << "rem customized\n";
    ASSERT_EQ(flashline({"keys", "make-test", path("keys")}).exit_code, 0);
  }

  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  static CommandResult flashline(std::vector<std::string> words) {
    words.insert(words.begin(), FLASHLINE_BIN_DIR "/flashline");
    return fakes::run_command(words, {"SOURCE_DATE_EPOCH=1767225600"});
  }
  CommandResult build(std::vector<std::string> more) const {
    std::vector<std::string> words{"image",
                                   "build",
                                   path("ws"),
                                   "--product",
                                   "SampleA",
                                   "--arch",
                                   "arm",
                                   "--out",
                                   path("A.ffu"),
                                   "--key",
                                   path("keys/signer.key"),
                                   "--cert",
                                   path("keys/signer.pem")};
    words.insert(words.end(), more.begin(), more.end());
    return flashline(words);
  }

 private:
  void copy(const fs::path& from, const std::string& to) const {
    fs::create_directories(path(to));
    fs::copy(from, path(to), fs::copy_options::recursive);
  }
  fakes::TempFolder folder_{"/tmp"};
};

TEST_F(ImageBuild, names_all_that_is_missing_and_makes_nothing) {
  const CommandResult done = build({});
  EXPECT_EQ(done.exit_code, 3);
  EXPECT_THAT(done.err, HasSubstr("error[FL-BLD-028]"));
  for (const char* missing : {"IoTUAPFM.xml", "IOT_EFIESP", "setup.bitlocker.cmd"}) {
    EXPECT_THAT(done.err, HasSubstr(missing));
  }
  EXPECT_FALSE(fs::exists(path("A.ffu")));
  EXPECT_FALSE(fs::exists(path("A.ffu.json")));
}

TEST_F(ImageBuild, makes_a_marked_test_image_that_verifies) {
  const CommandResult done = build({"--stand-ins"});
  ASSERT_EQ(done.exit_code, 0) << done.err;
  EXPECT_THAT(done.err, HasSubstr("not for shipping"));
  EXPECT_EQ(flashline({"image", "verify", path("A.ffu"), "--trust", path("keys/root.pem")}).exit_code, 0);
  EXPECT_THAT(flashline({"image", "info", path("A.ffu"), "--trust", path("keys/root.pem")}).out,
              HasSubstr("not for shipping"));
  EXPECT_TRUE(boost::json::parse(fakes::slurp(path("A.ffu.json"))).is_object());
  EXPECT_THAT(fakes::slurp(path("A.ffu.html")), HasSubstr("Not for shipping"));
  EXPECT_THAT(build({"--stand-ins"}).out, HasSubstr("nothing changed"));
}

/// Also when there is nothing to build: nobody reads yesterday's terminal.
TEST_F(ImageBuild, says_each_time_what_the_layout_is_warned_of) {
  const std::string layout = path("ws/Common/Packages/DeviceLayout.MBR4GB/DeviceLayout.xml");
  std::string text = fakes::slurp(layout);
  text.replace(text.find("1048576"), 7, "1000");
  std::ofstream{layout} << text;
  for (const char* said : {"files", "nothing changed"}) {
    const CommandResult done = build({"--stand-ins"});
    ASSERT_EQ(done.exit_code, 0) << done.err;
    EXPECT_THAT(done.out, HasSubstr(said));
    EXPECT_THAT(done.err, HasSubstr("MainOS keeps 1000 sectors free"));
  }
}

TEST_F(ImageBuild, gives_no_retail_image_with_stand_ins) {
  const CommandResult done = build({"--config", "Retail", "--stand-ins"});
  EXPECT_EQ(done.exit_code, 3);
  EXPECT_THAT(done.err, HasSubstr("error[FL-BLD-029]"));
  EXPECT_FALSE(fs::exists(path("A.ffu")));
}

TEST_F(ImageBuild, merging_manifests_names_the_cabs_that_are_missing) {
  const CommandResult done = flashline({"feature", "merge", path("ws/Source-arm/BSP/Rpi2/Packages/RPi2FMFileList.xml"),
                                        "--workspace", path("ws"), "--out", path("merged")});
  EXPECT_EQ(done.exit_code, 3);
  EXPECT_THAT(done.err, HasSubstr(".cab"));
  EXPECT_FALSE(fs::exists(path("merged")) && !fs::is_empty(path("merged")));
}

}  // namespace
}  // namespace flashline::line
