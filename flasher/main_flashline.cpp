// The command line: see flasher/cli/command_line.h.

#include <cstdio>
#include <string>
#include <vector>

#include "flasher/cli/command_line.h"
#include "flasher/cli/console.h"

int main(int count, char** arguments) {
  flashline::line::Console console{stdout, stderr};
  return flashline::line::run_command_line({arguments + 1, arguments + count}, console);
}
