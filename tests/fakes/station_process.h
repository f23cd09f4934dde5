#pragma once
// flashlined as its own process, on any free port, in a folder of its own.

#include <array>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <poll.h>
#include <spawn.h>
#include <string>
#include <string_view>
#include <unistd.h>
#include <vector>

#include "tests/fakes/command.h"
#include "tests/fakes/raw_http.h"
#include "tests/fakes/temp_folder.h"

namespace flashline::fakes {

class StationProcess {
 public:
  explicit StationProcess(std::filesystem::path folder) : folder_{std::move(folder)} {}
  ~StationProcess() { stop(SIGKILL); }
  StationProcess(const StationProcess&) = delete;
  StationProcess& operator=(const StationProcess&) = delete;

  /// station.xml of a test station with these slots, which takes unsigned images. Paths are the folder's.
  static std::string xml(std::string_view slots, std::string_view port = "0", std::string_view attempts = "2") {
    return "<station name=\"test line\" mode=\"test\">\n <paths images=\".\"/>\n <listen port=\"" + std::string{port} +
           "\"/>\n <trust allow-unsigned=\"true\"/>\n <slots attempts=\"" + std::string{attempts} + "\">" +
           std::string{slots} + "</slots>\n</station>\n";
  }
  static std::string board(int n, std::string_view behaviour = {}, std::string_view size = "24MiB") {
    const std::string number = std::to_string(n);
    return "<slot name=\"" + number + "\" row=\"1\" column=\"" + number + "\"><virtual path=\"board-" + number +
           ".img\" size=\"" + std::string{size} + "\" " + std::string{behaviour} + "/></slot>";
  }

  void configure(std::string_view text) const { std::ofstream{folder_ / "station.xml"} << text; }

  /// False when it ended before it listened; `log` then says why.
  bool start(const std::vector<std::string>& variables = {}) {
    std::array<int, 2> pipe{};
    if (::pipe2(pipe.data(), O_CLOEXEC) != 0) return false;
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&files, pipe[1], 1);
    posix_spawn_file_actions_addopen(&files, 2, log_file().c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    const std::string program = FLASHLINE_BIN_DIR "/flashlined";
    const std::string config = (folder_ / "station.xml").string();
    std::vector<char*> argv{const_cast<char*>(program.c_str()), const_cast<char*>("--config"),
                            const_cast<char*>(config.c_str())};
    for (const std::string& word : options) argv.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);
    std::vector<char*> environment;
    for (const std::string& variable : variables) environment.push_back(const_cast<char*>(variable.c_str()));
    for (char** variable = environ; *variable != nullptr; ++variable) environment.push_back(*variable);
    environment.push_back(nullptr);
    const bool spawned = posix_spawn(&child_, program.c_str(), &files, nullptr, argv.data(), environment.data()) == 0;
    posix_spawn_file_actions_destroy(&files);
    ::close(pipe[1]);
    if (!spawned) child_ = 0;
    if (spawned && on_spawn) on_spawn(child_);
    read_address(pipe[0]);
    ::close(pipe[0]);
    return port_ != 0;
  }

  /// Sends `signal` and waits; gives the exit code (128 + signal when that killed it).
  int stop(int signal = SIGTERM) {
    if (child_ == 0) return -1;
    ::kill(child_, signal);
    return wait();
  }
  int wait() {
    const int code = child_ == 0 ? -1 : wait_for(child_, 30000);
    child_ = 0;
    port_ = 0;
    return code;
  }

  /// Further words for flashlined.
  std::vector<std::string> options;
  /// Called with each new process, before it is waited for.
  std::function<void(pid_t)> on_spawn;

  pid_t process() const { return child_; }
  std::uint16_t port() const { return port_; }
  const std::string& said() const { return said_; }
  std::string log() const { return slurp(log_file()); }
  std::string socket() const { return (folder_ / "flashlined.sock").string(); }
  const std::filesystem::path& folder() const { return folder_; }

  RawAnswer get(const std::string& target) const {
    return RawHttp::local(socket()).exchange("GET " + target + " HTTP/1.1\r\nHost: x\r\n\r\n");
  }
  RawAnswer post(const std::string& target, const std::string& body = {}) const {
    const std::string type = body.empty() ? "" : "Content-Type: application/json\r\n";
    return RawHttp::local(socket()).exchange("POST " + target + " HTTP/1.1\r\nHost: x\r\n" + type +
                                             "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
  }
  /// flashline with these words, against this station.
  CommandResult flashline(std::vector<std::string> words) const {
    words.insert(words.begin(), FLASHLINE_BIN_DIR "/flashline");
    return run_command(words, {"FLASHLINE_STATION=unix:" + socket()}, 120000);
  }

 private:
  std::filesystem::path log_file() const { return folder_ / "flashlined.log"; }

  void read_address(int pipe) {
    said_.clear();
    std::array<char, 512> piece{};
    while (said_.find('\n') == std::string::npos) {
      pollfd waiting{pipe, POLLIN, 0};
      const ssize_t count = ::poll(&waiting, 1, 60000) > 0 ? ::read(pipe, piece.data(), piece.size()) : 0;
      if (count <= 0) break;
      said_.append(piece.data(), static_cast<std::size_t>(count));
    }
    const std::size_t at = said_.find("127.0.0.1:");
    if (at != std::string::npos) port_ = static_cast<std::uint16_t>(std::stoul(said_.substr(at + 10)));
  }

  std::filesystem::path folder_;
  pid_t child_ = 0;
  std::uint16_t port_ = 0;
  std::string said_;
};

}  // namespace flashline::fakes
