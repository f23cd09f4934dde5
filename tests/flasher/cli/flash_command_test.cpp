// `flashline flash` from the outside: the real program, its exit codes, and what is on the targets afterwards.

#include <boost/json.hpp>
#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sstream>

#include "tests/fakes/command.h"
#include "tests/fakes/temp_folder.h"

namespace flashline::line {
namespace {

namespace fs = std::filesystem;
using fakes::slurp;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::uint64_t disk_size = 8 * 1024 * 1024;
constexpr std::uint64_t esp_start = 1024 * 1024;

class FlashCommand : public ::testing::Test {
 protected:
  fakes::CommandResult flash(std::vector<std::string> words) const {
    words.insert(words.begin(), {FLASHLINE_BIN_DIR "/flashline", "flash"});
    return fakes::run_command(words, {"XDG_CACHE_HOME=" + (folder_ / "cache").string()});
  }
  std::string path(const std::string& name) const { return folder_ / name; }

  /// A GPT disk with a FAT partition of 4 MiB named ESP and something behind it.
  std::string make_disk(const std::string& name = "disk.img") const {
    const std::string disk = folder_.sparse(name, disk_size);
    must({"sh", "-c",
          "printf 'label: gpt\nstart=2048,size=8192,type=uefi,name=ESP\nstart=10240,size=4096,name=data\n' | sfdisk "
          "-q " +
              disk});
    const std::string fat = folder_.sparse("fat.img", 4 * 1024 * 1024);
    must({"mkfs.fat", "-F", "12", "-n", "ESP", fat});
    std::fstream out{disk, std::ios::in | std::ios::out | std::ios::binary};
    out.seekp(esp_start);
    out << slurp(fat);
    out.seekp(10240 * 512);
    for (int i = 0; i < 9000; ++i) out << "data " << i << '\n';
    return disk;
  }

  static void must(const std::vector<std::string>& words) {
    const auto done = fakes::run_command(words, {});
    ASSERT_EQ(done.exit_code, 0) << words.front() << ": " << done.err;
  }

  /// What a file in the FAT partition of a board holds, as mtools reads it.
  static std::string read_from_esp(const std::string& board, const std::string& name) {
    return fakes::run_command({"mtype", "-i", board + "@@" + std::to_string(esp_start), "::" + name}, {}).out;
  }

  fakes::TempFolder folder_;
};

TEST_F(FlashCommand, writes_each_target_and_says_so_in_one_line_each) {
  const auto disk = make_disk();
  const auto done = flash({disk, path("a.img"), path("b.img"), "--allow-unsigned"});
  EXPECT_EQ(done.exit_code, 0) << done.err;
  EXPECT_THAT(done.out, HasSubstr("passed  " + path("a.img")));
  EXPECT_THAT(done.out, HasSubstr("2 passed, 0 failed"));
  EXPECT_TRUE(slurp(path("a.img")) == slurp(disk));
  EXPECT_TRUE(slurp(path("b.img")) == slurp(disk));
}

TEST_F(FlashCommand, takes_compressed_images_through_a_spool) {
  const auto disk = make_disk();
  for (const std::string tool : {"gzip", "xz", "zstd"}) {
    must({"sh", "-c", tool + " -c " + disk + " > " + disk + "." + tool});
    const auto done = flash({disk + "." + tool, path(tool + ".board"), "--allow-unsigned"});
    EXPECT_EQ(done.exit_code, 0) << done.err;
    EXPECT_TRUE(slurp(path(tool + ".board")) == slurp(disk)) << tool;
  }
}

TEST_F(FlashCommand, json_gives_a_record_a_line) {
  const auto disk = make_disk();
  const auto done = flash({disk, path("a.img"), "--allow-unsigned", "--json"});
  EXPECT_EQ(done.exit_code, 0) << done.err;
  std::istringstream lines{done.out};
  std::string line;
  boost::json::object result;
  boost::json::object last;
  while (std::getline(lines, line)) {
    last = boost::json::parse(line).as_object();
    if (last.at("type") == "result") result = last;
  }
  EXPECT_EQ(last.at("type"), "summary");
  EXPECT_EQ(last.at("passed"), 1);
  EXPECT_EQ(result.at("target").as_string(), path("a.img"));
  EXPECT_TRUE(result.at("passed").as_bool());
  EXPECT_TRUE(result.at("error").is_null());
  EXPECT_EQ(result.at("image_digest").as_string().size(), 64U);
}

TEST_F(FlashCommand, gives_each_board_its_own_identity) {
  const auto disk = make_disk();
  folder_.file("units.csv", "serial,mac.0,site\nFL-1,02:00:5E:10:00:01,Ulm\nFL-2,02:00:5E:10:00:02,Jena\n");
  folder_.file("recipe.xml",
               "<recipe name=\"panel\"><overlay><file partition=\"ESP\" path=\"/id.env\">SERIAL=${serial} MAC=${mac.0} "
               "${site} ${unit}</file></overlay></recipe>");
  const auto before = slurp(disk);
  const auto done = flash({disk, path("a.img"), path("b.img"), "--allow-unsigned", "--units", path("units.csv"),
                           "--recipe", path("recipe.xml")});
  EXPECT_EQ(done.exit_code, 0) << done.err;
  EXPECT_THAT(read_from_esp(path("a.img"), "/id.env"), HasSubstr("SERIAL=FL-1 MAC=02:00:5E:10:00:01 Ulm 1"));
  EXPECT_THAT(read_from_esp(path("b.img"), "/id.env"), HasSubstr("SERIAL=FL-2 MAC=02:00:5E:10:00:02 Jena 2"));
  EXPECT_TRUE(slurp(disk) == before);
}

TEST_F(FlashCommand, promise_5_does_not_hand_out_identities_that_nobody_remembers) {
  folder_.file("recipe.xml",
               "<recipe name=\"panel\"><identity><serial pattern=\"FL-{n:6}\" first=\"1\"/></identity></recipe>");
  const auto done = flash({make_disk(), path("a.img"), "--allow-unsigned", "--recipe", path("recipe.xml")});
  EXPECT_EQ(done.exit_code, 2);
  EXPECT_THAT(done.err, HasSubstr("--units"));
  EXPECT_FALSE(fs::exists(path("a.img")));
}

TEST_F(FlashCommand, fits_the_gpt_of_a_larger_target) {
  const auto disk = make_disk();
  folder_.sparse("large.img", 2 * disk_size);
  const auto refused = flash({disk, path("large.img"), "--allow-unsigned"});
  EXPECT_EQ(refused.exit_code, 5);
  EXPECT_THAT(refused.err, HasSubstr("FL-TGT-007"));
  const auto done = flash({disk, path("large.img"), "--allow-unsigned", "--fit-gpt"});
  EXPECT_EQ(done.exit_code, 0) << done.err;
  const auto judged = fakes::run_command({"sgdisk", "-v", path("large.img")}, {});
  EXPECT_THAT(judged.out, HasSubstr("No problems found")) << judged.out;
}

struct Refusal {
  const char* name;
  std::vector<std::string> words;  ///< @ stands for the folder
  int exit_code;
  const char* code;
};

class FlashRefusals : public FlashCommand, public ::testing::WithParamInterface<Refusal> {};

TEST_P(FlashRefusals, leave_every_target_as_it_was) {
  make_disk();
  folder_.file("good.board", std::string(disk_size, 'g'));
  folder_.file("small.board", std::string(1024 * 1024, 's'));
  folder_.file("short.csv", "serial\nA\n");
  auto words = GetParam().words;
  for (auto& word : words) {
    for (auto at = word.find('@'); at != std::string::npos; at = word.find('@'))
      word.replace(at, 1, folder_.path().string() + "/");
  }
  const auto done = flash(words);
  EXPECT_EQ(done.exit_code, GetParam().exit_code) << done.err;
  EXPECT_THAT(done.err, HasSubstr(GetParam().code));
  EXPECT_TRUE(slurp(path("good.board")) == std::string(disk_size, 'g'));
  EXPECT_TRUE(slurp(path("small.board")) == std::string(1024 * 1024, 's'));
}

INSTANTIATE_TEST_SUITE_P(
    Words, FlashRefusals,
    ::testing::Values(
        Refusal{"no_target", {"@disk.img"}, 2, "FL-USE-001"},
        Refusal{"unsigned_image", {"@disk.img", "@good.board"}, 4, "FL-TRU-001"},
        Refusal{"missing_image", {"@none.img", "@good.board", "--allow-unsigned"}, 3, "FL-IMG-001"},
        Refusal{
            "one_target_too_small", {"@disk.img", "@good.board", "@small.board", "--allow-unsigned"}, 5, "FL-TGT-002"},
        Refusal{"one_target_twice", {"@disk.img", "@good.board", "@good.board", "--allow-unsigned"}, 2, "named twice"},
        Refusal{"the_image_itself", {"@disk.img", "@good.board", "@disk.img", "--allow-unsigned"}, 5, "FL-TGT-"},
        Refusal{"a_folder", {"@disk.img", "@good.board", "@", "--allow-unsigned"}, 5, "FL-TGT-"},
        Refusal{"other_size_than_expected",
                {"@disk.img", "@good.board", "--allow-unsigned", "--expect-size", "1GiB"},
                5,
                "FL-TGT-008"},
        Refusal{"unknown_policy", {"@disk.img", "@good.board", "--allow-unsigned", "--stale", "burn"}, 2, "FL-USE-001"},
        Refusal{
            "store_without_equals", {"@disk.img", "@good.board", "--allow-unsigned", "--store", "x"}, 2, "FL-USE-001"},
        Refusal{"store_that_is_not_there",
                {"@disk.img", "@good.board", "--allow-unsigned", "--store", "VenHw(X)=@extra.img"},
                5,
                "FL-TGT-050"},
        Refusal{"too_few_units",
                {"@disk.img", "@good.board", "@b", "--allow-unsigned", "--units", "@short.csv"},
                2,
                "FL-USE-001"}),
    [](const auto& row) { return std::string{row.param.name}; });

}  // namespace
}  // namespace flashline::line
