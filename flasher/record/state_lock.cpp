#include "flasher/record/state_lock.h"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <string>
#include <sys/file.h>
#include <system_error>
#include <unistd.h>

#include "flasher/record/detail/schema.h"
#include "imaging/core/errors/record.h"

namespace flashline::line {
namespace {

std::string owner_in(int fd) {
  std::array<char, 32> text{};
  const ssize_t got = ::pread(fd, text.data(), text.size(), 0);
  std::string owner{text.data(), got > 0 ? static_cast<std::size_t>(got) : 0};
  while (!owner.empty() && owner.back() == '\n') owner.pop_back();
  return owner.empty() ? "another process" : "process " + owner;
}

}  // namespace

Result<StateLock> StateLock::take(const std::filesystem::path& state_folder) {
  const auto file = detail::lock_file(state_folder);
  imaging::FileHandle handle{::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)};
  if (!handle) return fail(errc::record_store, file.string() + ": " + std::system_category().message(errno));
  if (::flock(handle.get(), LOCK_EX | LOCK_NB) != 0) {
    return fail(errc::record_store_locked, state_folder.string() + " is in use by " + owner_in(handle.get()));
  }
  const std::string owner = std::to_string(::getpid()) + "\n";
  // The number only helps the message above; the lock itself does not depend on it.
  if (::ftruncate(handle.get(), 0) == 0) std::ignore = ::pwrite(handle.get(), owner.data(), owner.size(), 0);
  return StateLock{std::move(handle)};
}

}  // namespace flashline::line
