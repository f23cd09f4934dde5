// `lab run`: a scenario on the virtual line. The line is a machine of its own (tests/lab/machine/run), so that this
// command needs no root and touches no device of this machine.

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <spawn.h>
#include <spdlog/fmt/fmt.h>
#include <sys/wait.h>
#include <unistd.h>

#include "flasher/cli/command.h"
#include "imaging/core/errors/filesystem.h"
#include "imaging/core/errors/usage.h"

namespace flashline::line {
namespace {

namespace fs = std::filesystem;

constexpr int machine_failed = 124;  // and what is above it: no result, and the machine has said why

/// Where the line's files are: $FLASHLINE_LAB, else beside the folder that this program was built in.
Result<fs::path> machine_script(const fs::path& programs) {
  const char* const named = std::getenv("FLASHLINE_LAB");
  std::vector<fs::path> places{programs / "../../tests/lab", programs / "../../../tests/lab",
                               programs / "../share/flashline/lab"};
  if (named != nullptr) places = {named};
  for (const fs::path& place : places) {
    std::error_code missing;
    if (fs::path script = fs::canonical(place / "machine/run", missing); !missing) return script;
  }
  return fail(errc::program_missing, "machine/run of the virtual line is not found; FLASHLINE_LAB names its folder");
}

/// Exit code of a program that speaks for itself; `quiet`: what it prints goes to standard error.
Result<int> run(const std::vector<std::string>& words, bool quiet) {
  std::vector<char*> argv;
  for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  if (quiet) posix_spawn_file_actions_adddup2(&files, 2, 1);
  pid_t child = 0;
  const int error = posix_spawn(&child, argv.front(), &files, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&files);
  if (error != 0) return fail(errc::program_missing, fmt::format("{}: {}", words.front(), std::strerror(error)));
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : machine_failed;
}

Result<int> run_scenario(const Arguments& arguments, Console& console) {
  const fs::path scenario = fs::absolute(arguments.operands().front());
  if (!fs::exists(scenario)) return fail(errc::usage, fmt::format("{}: no such file", scenario.string()));
  const fs::path out = fs::absolute(arguments.value("--out").value_or(scenario.stem().string() + ".lab"));
  FL_TRY(const auto limit, arguments.number("--limit"));
  const fs::path programs = fs::read_symlink("/proc/self/exe").parent_path();
  FL_TRY(const fs::path machine, machine_script(programs));
  std::error_code error;
  fs::create_directories(out, error);
  if (error) return fail(errc::program_failed, fmt::format("{}: {}", out.string(), error.message()));

  FL_TRY(const int code, run({machine, "--share", out, "--limit", std::to_string(limit.value_or(600)), "--",
                              programs / "flashline-lab", scenario, out},
                             console.json()));
  if (code >= machine_failed) return fail(errc::program_failed, "the virtual line ended without a result");
  std::ifstream in{out / "outcome.json"};
  const std::string outcome{std::istreambuf_iterator<char>{in}, {}};
  if (!outcome.empty()) console.record(outcome.substr(0, outcome.find('\n')));
  console.say(fmt::format("report: {}", (out / "outcome.html").string()));
  return code;
}

}  // namespace

Command lab_run_command() {
  return {
      .name = "lab run",
      .operands = "SCENARIO.xml",
      .min_operands = 1,
      .max_operands = 1,
      .summary = "Plays a scenario on the virtual line and writes its qualification report",
      .options = {{"--out", "FOLDER", "where everything goes: outcome.html, outcome.json, logs (default SCENARIO.lab)"},
                  {"--limit", "SECONDS", "ends the line however far it is (default 600)"}},
      .examples = {"flashline lab run two-readers.xml", "flashline lab run line.xml --out build/qualification --json"},
      .run = run_scenario};
}

}  // namespace flashline::line
