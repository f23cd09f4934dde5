// The station daemon: see flasher/daemon/daemon.h.

#include <string>
#include <vector>

#include "flasher/daemon/daemon.h"

int main(int count, char** arguments) {
  return flashline::line::run_daemon_command({arguments + 1, arguments + count});
}
