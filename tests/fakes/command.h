#pragma once
// Runs another program to its end: the peers that judge our files, and our own binaries from the outside.

#include <csignal>
#include <fcntl.h>
#include <fstream>
#include <iterator>
#include <poll.h>
#include <spawn.h>
#include <string>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include "tests/fakes/temp_folder.h"

namespace flashline::fakes {

struct CommandResult {
  int exit_code = -1;  ///< 128 + signal when it was killed; -1: it could not be started
  std::string out;
  std::string err;
};

inline std::string slurp(const std::filesystem::path& path) {
  std::ifstream in{path, std::ios::binary};
  return {std::istreambuf_iterator<char>(in), {}};
}

/// Waits for `child`; kills it after `timeout_ms`.
inline int wait_for(pid_t child, int timeout_ms) {
  const int handle = static_cast<int>(syscall(SYS_pidfd_open, child, 0));
  pollfd watch{.fd = handle, .events = POLLIN, .revents = 0};
  if (poll(&watch, 1, timeout_ms) == 0) kill(child, SIGKILL);
  close(handle);
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/// Runs `arguments` (the first is the program, looked up in PATH) without a terminal. `variables` ("NAME=value") are
/// put before the environment of this process.
inline CommandResult run_command(const std::vector<std::string>& arguments,
                                 const std::vector<std::string>& variables = {}, int timeout_ms = 60000) {
  const TempFolder folder;
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&files, 1, (folder / "out").c_str(), O_WRONLY | O_CREAT, 0600);
  posix_spawn_file_actions_addopen(&files, 2, (folder / "err").c_str(), O_WRONLY | O_CREAT, 0600);
  std::vector<char*> argv;
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  std::vector<char*> environment;
  for (const std::string& variable : variables) environment.push_back(const_cast<char*>(variable.c_str()));
  for (char** variable = environ; *variable != nullptr; ++variable) environment.push_back(*variable);
  environment.push_back(nullptr);
  CommandResult result;
  pid_t child = 0;
  if (posix_spawnp(&child, argv[0], &files, nullptr, argv.data(), environment.data()) == 0) {
    result.exit_code = wait_for(child, timeout_ms);
  }
  posix_spawn_file_actions_destroy(&files);
  result.out = slurp(folder / "out");
  result.err = slurp(folder / "err");
  return result;
}

}  // namespace flashline::fakes
