#include "imaging/filesystem/run_program.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <spdlog/fmt/fmt.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "imaging/core/errors/filesystem.h"
#include "imaging/source/content.h"

namespace flashline::imaging {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::string_view search_path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
constexpr std::size_t most_output = 64UL * 1024;
constexpr std::size_t shown_output = 600;

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (std::string& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

/// What posix_spawn needs, given back at the end.
struct SpawnSetup {
  SpawnSetup() {
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawnattr_init(&attributes);
  }
  ~SpawnSetup() {
    ::posix_spawn_file_actions_destroy(&actions);
    ::posix_spawnattr_destroy(&attributes);
  }
  SpawnSetup(const SpawnSetup&) = delete;
  SpawnSetup& operator=(const SpawnSetup&) = delete;
  posix_spawn_file_actions_t actions{};
  posix_spawnattr_t attributes{};
};

/// A child in a group of its own, ended and waited for whatever happens.
class Child {
 public:
  explicit Child(pid_t pid) : pid_{pid}, ended_{static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))} {}
  ~Child() {
    if (pid_ > 0) end();
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  /// Becomes readable when the child has ended.
  int ended() const { return ended_.get(); }
  /// Ends the whole group.
  void end() {
    ::kill(-pid_, SIGKILL);
    wait();
  }
  int wait() {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    return status;
  }

 private:
  pid_t pid_;
  FileHandle ended_;
};

Result<pid_t> spawn(const Program& program, int output) {
  FL_TRY(const std::string file, find_program(program.arguments.front()));
  std::vector<std::string> arguments = program.arguments;
  std::vector<std::string> environment{fmt::format("PATH={}", search_path), "TZ=UTC", "LC_ALL=C.UTF-8"};
  environment.insert(environment.end(), program.environment.begin(), program.environment.end());
  SpawnSetup setup;
  ::posix_spawn_file_actions_addopen(&setup.actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&setup.actions, output, STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&setup.actions, output, STDERR_FILENO);
  sigset_t none;
  sigset_t every;
  ::sigemptyset(&none);
  ::sigfillset(&every);
  ::posix_spawnattr_setsigmask(&setup.attributes, &none);
  ::posix_spawnattr_setsigdefault(&setup.attributes, &every);
  ::posix_spawnattr_setflags(&setup.attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  pid_t pid = -1;
  const int code = ::posix_spawn(&pid, file.c_str(), &setup.actions, &setup.attributes, pointers(arguments).data(),
                                 pointers(environment).data());
  if (code != 0) return fail(errc::program_missing, fmt::format("{}: {}", file, std::strerror(code)));
  return pid;
}

/// Takes up what there is to read; keeps the end of it.
void drain(int fd, std::string& output) {
  std::array<char, 4096> piece{};
  for (ssize_t count = 0; (count = ::read(fd, piece.data(), piece.size())) > 0;) {
    output.append(piece.data(), static_cast<std::size_t>(count));
    if (output.size() > 2 * most_output) output.erase(0, output.size() - most_output);
  }
}

/// Reads until the child has ended; false: the deadline came first.
bool follow(const Child& child, int fd, Clock::time_point deadline, std::string& output) {
  std::array<pollfd, 2> waited{pollfd{fd, POLLIN, 0}, pollfd{child.ended(), POLLIN, 0}};
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) return false;
    ::poll(waited.data(), waited.size(), static_cast<int>(std::min<std::int64_t>(left, 60'000)));
    drain(fd, output);
    if ((waited[0].revents & (POLLHUP | POLLERR)) != 0) waited[0].fd = -1;  // nobody writes any more: wait for its end
    if ((waited[1].revents & POLLIN) != 0) return true;
  }
}

std::string_view last_lines(std::string_view output) {
  while (output.ends_with('\n')) output.remove_suffix(1);
  return output.size() <= shown_output ? output : output.substr(output.size() - shown_output);
}

}  // namespace

Result<std::string> find_program(const std::string& name) {
  if (name.contains('/')) return name;
  for (std::string_view rest = search_path; !rest.empty();) {
    const std::size_t end = std::min(rest.find(':'), rest.size());
    std::string file = std::string{rest.substr(0, end)} + "/" + name;
    if (::access(file.c_str(), X_OK) == 0) return file;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return fail(errc::program_missing, fmt::format("there is no {} in {}", name, search_path));
}

Result<std::string> run_program(const Program& program) {
  const std::string& name = program.arguments.front();
  std::array<int, 2> ends{-1, -1};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return fail(errc::program_failed, std::strerror(errno));
  const FileHandle reader{ends[0]};
  FileHandle writer{ends[1]};
  ::fcntl(reader.get(), F_SETFL, O_NONBLOCK);
  FL_TRY(const pid_t pid, spawn(program, writer.get()));
  writer.reset();
  Child child{pid};
  std::string output;
  if (!follow(child, reader.get(), Clock::now() + program.timeout, output)) {
    child.end();
    return fail(errc::program_timeout,
                fmt::format("{} did not end within {} ms: {}", name, program.timeout.count(), last_lines(output)));
  }
  const int status = child.wait();
  drain(reader.get(), output);
  if (output.size() > most_output) output.erase(0, output.size() - most_output);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return output;
  const std::string how =
      WIFEXITED(status) ? fmt::format("exit code {}", WEXITSTATUS(status)) : fmt::format("signal {}", WTERMSIG(status));
  return fail(errc::program_failed, fmt::format("{}: {}: {}", name, how, last_lines(output)));
}

}  // namespace flashline::imaging
