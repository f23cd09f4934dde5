#pragma once
// flashlined: everything of a station wired together, from station.xml to the address on standard output.

#include <filesystem>
#include <string>
#include <vector>

#include "imaging/core/error.h"

namespace flashline::line {

/// Runs the station until SIGTERM, SIGINT or SIGHUP, then parks the slots. Errors: FL-CFG codes, listen_in_use,
/// listen_failed, station_folder, those of the record store and of the engine.
/// `machine`: a folder whose proc, sys, dev and run take the place of this machine's where USB ports are looked up;
/// only a test station takes one. Empty: this machine.
Status run_station(const std::filesystem::path& config, const std::filesystem::path& machine = {});

/// The words of flashlined (without the program's name); gives its exit code.
int run_daemon_command(const std::vector<std::string>& words);

}  // namespace flashline::line
