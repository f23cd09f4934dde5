#pragma once
// The one way in which imaging runs other people's programs.

#include <chrono>
#include <string>
#include <vector>

#include "imaging/core/error.h"

namespace flashline::imaging {

struct Program {
  std::vector<std::string> arguments;  ///< [0] is a name, looked for in the system's folders, or a path
  std::vector<std::string>
      environment;  ///< "NAME=value", besides PATH, TZ=UTC and LC_ALL=C.UTF-8; nothing is inherited
  std::chrono::milliseconds timeout{60'000};
};

/// Where a program of that name lies in the system's folders. Errors: program_missing.
Result<std::string> find_program(const std::string& name);

/// Runs it to its end, without a shell, with nothing to read, in a process group of its own that a timeout ends.
/// Returns what it printed (standard output and error; the last 64 KiB).
/// Errors: program_missing, program_failed (exit code or signal, and its last lines), program_timeout.
Result<std::string> run_program(const Program& program);

}  // namespace flashline::imaging
