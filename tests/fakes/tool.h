#pragma once
// Other people's tools as judges.

#include <array>
#include <cstdio>
#include <string>
#include <sys/wait.h>

namespace flashline {

struct ToolRun {
  int code = -1;
  std::string output;  ///< standard output and standard error
};

/// Runs a shell command, at most a minute, in a UTF-8 locale.
inline ToolRun run_tool(const std::string& command) {
  ToolRun run;
  FILE* const pipe = ::popen(("exec 2>&1; export LC_ALL=C.UTF-8; timeout 60 " + command).c_str(), "r");
  if (pipe == nullptr) return run;
  std::array<char, 4096> piece{};
  for (std::size_t n = 0; (n = std::fread(piece.data(), 1, piece.size(), pipe)) > 0;)
    run.output.append(piece.data(), n);
  const int status = ::pclose(pipe);
  run.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return run;
}

}  // namespace flashline
