// Promise 10 over the whole pipeline: the same workspace and the same SOURCE_DATE_EPOCH give the same bytes, on another
// day and in another folder.

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <map>

#include "tests/fakes/command.h"
#include "tests/fakes/temp_folder.h"

namespace flashline::line {
namespace {

namespace fs = std::filesystem;

class RepeatableBuild : public ::testing::Test {
 protected:
  std::string path(const std::string& name) const { return (folder_ / name).string(); }

  void make_workspace(const std::string& place) const {
    const fs::path shared = FLASHLINE_SOURCE_DIR "/tests/data/iot-workspace";
    const fs::path workspace = path(place) + "/ws";
    const auto copy = [](const fs::path& from, const fs::path& to) {
      fs::create_directories(to);
      fs::copy(from, to, fs::copy_options::recursive);
    };
    copy(shared / "iot-adk-addonkit/Workspace", workspace);
    copy(shared / "iot-adk-addonkit-17134/Source-arm/BSP/Rpi2", workspace / "Source-arm/BSP/Rpi2");
    std::ofstream{workspace / "Source-arm/Products/SampleA/oemcustomization.cmd"} << "rem customized\n";
  }

  /// The program on the day `day`, as it would be run there: what is left out of its environment is the real date.
  static void run_on(const std::string& day, std::vector<std::string> words) {
    words.insert(words.begin(), {"faketime", "-f", "@" + day, FLASHLINE_BIN_DIR "/flashline"});
    const auto done = fakes::run_command(words, {"SOURCE_DATE_EPOCH=1767225600", "TZ=UTC"}, 300000);
    EXPECT_EQ(done.exit_code, 0) << done.out << done.err;
  }

  void build_on(const std::string& day, const std::string& place) const {
    make_workspace(place);
    const std::string workspace = path(place) + "/ws";
    const std::vector<std::string> signing{"--key", path("keys/signer.key"), "--cert", path("keys/signer.pem")};
    const auto with_signing = [&](std::vector<std::string> words) {
      words.insert(words.end(), signing.begin(), signing.end());
      return words;
    };
    run_on(day, with_signing({"image", "build", workspace, "--product", "SampleA", "--arch", "arm", "--stand-ins",
                              "--out", path(place) + "/A.ffu"}));
    run_on(day, {"image", "build", workspace, "--product", "SampleA", "--arch", "arm", "--stand-ins", "--out",
                 path(place) + "/unsigned.ffu"});
    run_on(day, with_signing({"provision", "build", workspace + "/Source-arm/Products/SampleA/prov/customizations.xml",
                              path(place) + "/A.ppkg"}));
  }

  /// Relative path -> content of all files that are no links, and no notes for the next build.
  std::map<std::string, std::string> made(const std::string& place) const {
    std::map<std::string, std::string> files;
    for (const auto& entry : fs::recursive_directory_iterator{path(place)}) {
      if (!entry.is_regular_file() || entry.is_symlink() || entry.path().extension() == ".key") continue;
      files[fs::relative(entry.path(), path(place)).string()] = fakes::slurp(entry.path());
    }
    return files;
  }

  fakes::TempFolder folder_{"/tmp"};
};

TEST_F(RepeatableBuild, two_days_and_two_folders_give_the_same_bytes) {
  if (fakes::run_command({"faketime", "-f", "@2027-01-05 09:00:00", FLASHLINE_BIN_DIR "/flashline", "--help"})
          .exit_code != 0) {
    GTEST_SKIP() << "libfaketime and a sanitizer's allocator do not start together; a release build shows it";
  }
  ASSERT_EQ(fakes::run_command({FLASHLINE_BIN_DIR "/flashline", "keys", "make-test", path("keys")}).exit_code, 0);
  build_on("2027-01-05 09:00:00", "one");
  build_on("2027-03-16 23:59:58", "another/folder/deeper");
  const auto first = made("one"), second = made("another/folder/deeper");
  std::map<std::string, std::size_t> kinds;
  for (const auto& [name, bytes] : first) {
    ++kinds[fs::path{name}.extension().string()];
    const auto other = second.find(name);
    ASSERT_NE(other, second.end()) << name;
    EXPECT_TRUE(other->second == bytes) << name;
  }
  EXPECT_EQ(first.size(), second.size());
  EXPECT_EQ(kinds[".ffu"], 2U);
  EXPECT_EQ(kinds[".json"], 2U);
  EXPECT_EQ(kinds[".html"], 2U);
  EXPECT_GE(kinds[".ppkg"], 2U);
  EXPECT_GE(kinds[".cat"], 1U);
  EXPECT_GE(kinds[".cab"], 20U);
}

}  // namespace
}  // namespace flashline::line
