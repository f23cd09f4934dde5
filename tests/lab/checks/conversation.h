#pragma once
// A program that somebody sits in front of: reads what it says, types when it is asked.

#include <array>
#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <string>
#include <string_view>
#include <unistd.h>
#include <vector>

#include "tests/fakes/command.h"

namespace flashline::lab {

class Conversation {
 public:
  explicit Conversation(const std::vector<std::string>& words) {
    std::array<int, 2> in{};
    std::array<int, 2> out{};
    if (::pipe2(in.data(), O_CLOEXEC) != 0 || ::pipe2(out.data(), O_CLOEXEC) != 0) return;
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, in[0], 0);
    posix_spawn_file_actions_adddup2(&files, out[1], 1);
    posix_spawn_file_actions_adddup2(&files, out[1], 2);
    std::vector<char*> argv;
    for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);
    if (posix_spawn(&child_, argv[0], &files, nullptr, argv.data(), environ) != 0) child_ = 0;
    posix_spawn_file_actions_destroy(&files);
    ::close(in[0]);
    ::close(out[1]);
    keys_ = in[1];
    screen_ = out[0];
  }
  ~Conversation() {
    if (child_ != 0) ::kill(child_, SIGKILL);
    end();
    ::close(screen_);
  }
  Conversation(const Conversation&) = delete;
  Conversation& operator=(const Conversation&) = delete;

  /// Waits until it says `text`, beyond what was waited for before.
  bool says(std::string_view text, std::chrono::seconds most = std::chrono::seconds{60}) {
    const auto until = std::chrono::steady_clock::now() + most;
    for (;;) {
      if (const std::size_t at = all_.find(text, heard_); at != std::string::npos) {
        heard_ = at + text.size();
        return true;
      }
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
      if (left.count() <= 0 || !read(left)) return false;
    }
  }
  void type(std::string_view line) {
    const std::string text = std::string{line} + "\n";
    if (::write(keys_, text.data(), text.size()) < 0) all_ += "(nobody reads what is typed)";
  }
  /// Closes its input and waits for its exit code.
  int end() {
    if (keys_ >= 0) ::close(std::exchange(keys_, -1));
    if (child_ == 0) return -1;
    while (read(std::chrono::seconds{30})) continue;
    return fakes::wait_for(std::exchange(child_, 0), 30000);
  }
  void kill(int signal) const { ::kill(child_, signal); }
  const std::string& all() const { return all_; }

 private:
  bool read(std::chrono::milliseconds most) {
    pollfd waiting{screen_, POLLIN, 0};
    std::array<char, 4096> piece{};
    const ssize_t count = ::poll(&waiting, 1, static_cast<int>(most.count())) > 0
                              ? ::read(screen_, piece.data(), piece.size())
                              : ssize_t{0};
    if (count > 0) all_.append(piece.data(), static_cast<std::size_t>(count));
    return count > 0;
  }

  pid_t child_ = 0;
  int keys_ = -1;
  int screen_ = -1;
  std::string all_;
  std::size_t heard_ = 0;
};

}  // namespace flashline::lab
