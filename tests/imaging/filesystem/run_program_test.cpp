// Programs that end well, badly, late, and not at all.

#include "imaging/filesystem/run_program.h"

#include <chrono>
#include <filesystem>
#include <gmock/gmock.h>
#include <thread>

#include "imaging/core/errors/filesystem.h"
#include "tests/fakes/temp_folder.h"

namespace flashline::imaging {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;
using ::testing::Not;
using Clock = std::chrono::steady_clock;

Result<std::string> shell(const std::string& script, milliseconds timeout = milliseconds{5000}) {
  return run_program(
      {.arguments = {"sh", "-c", script, "it's", "$HOME"}, .environment = {"WORD=two words"}, .timeout = timeout});
}

TEST(RunProgram, gets_its_arguments_as_they_are_and_a_clean_environment) {
  ::setenv("FLASHLINE_SECRET", "1", 1);
  const auto run = shell(R"(printf '%s|%s|%s\n' "$0" "$1" "$WORD"; env; echo err >&2; read line || echo no input)");
  ASSERT_TRUE(run) << run.error().detail;
  EXPECT_THAT(*run, HasSubstr("it's|$HOME|two words\n"));
  EXPECT_THAT(*run, HasSubstr("TZ=UTC"));
  EXPECT_THAT(*run, HasSubstr("err\n"));
  EXPECT_THAT(*run, HasSubstr("no input"));
  EXPECT_THAT(*run, Not(HasSubstr("FLASHLINE_SECRET")));
}

TEST(RunProgram, failures_say_why) {
  const auto code = shell("echo it broke; exit 3");
  EXPECT_EQ(code.error().code, errc::program_failed);
  EXPECT_THAT(code.error().detail, HasSubstr("exit code 3: it broke"));
  EXPECT_THAT(shell("kill -9 $$").error().detail, HasSubstr("signal 9"));
  EXPECT_EQ(run_program({.arguments = {"flashline-no-such-program"}, .environment = {}}).error().code,
            errc::program_missing);
  EXPECT_EQ(run_program({.arguments = {"/etc/passwd"}, .environment = {}}).error().code, errc::program_missing);
}

TEST(RunProgram, a_timeout_ends_the_whole_group) {
  const auto begin = Clock::now();
  const fakes::TempFolder folder;
  const std::string mark = (folder / "mark").string();
  const auto late = shell("echo begun; (sleep 1; touch " + mark + ") & sleep 60", milliseconds{200});
  EXPECT_EQ(late.error().code, errc::program_timeout);
  EXPECT_THAT(late.error().detail, HasSubstr("begun"));
  EXPECT_LT(Clock::now() - begin, std::chrono::seconds{5});
  std::this_thread::sleep_for(milliseconds{1100});
  EXPECT_FALSE(std::filesystem::exists(mark)) << "what it had started went on";
}

TEST(RunProgram, does_not_wait_for_what_a_program_left_running) {
  const auto begin = Clock::now();
  EXPECT_EQ(shell("sleep 3 & echo done").value(), "done\n");
  EXPECT_LT(Clock::now() - begin, std::chrono::seconds{2});
}

TEST(RunProgram, waits_for_one_that_closed_its_output) {
  EXPECT_EQ(shell("exec >&- 2>&-; sleep 0.3; exit 4").error().code, errc::program_failed);
}

TEST(RunProgram, keeps_the_end_of_much_output) {
  const auto much = shell("seq 1 100000");
  ASSERT_TRUE(much);
  EXPECT_EQ(much->size(), 65536U);
  EXPECT_TRUE(much->ends_with("\n100000\n"));
}

}  // namespace
}  // namespace flashline::imaging
