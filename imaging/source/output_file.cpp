#include "imaging/source/output_file.h"

#include <atomic>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <spdlog/fmt/fmt.h>
#include <string>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include "imaging/core/errors/image.h"

namespace flashline::imaging {
namespace {

std::unexpected<Error> failed(const std::filesystem::path& path) {
  return fail(errc::image_write, fmt::format("{}: {}", path.string(), std::strerror(errno)));
}

std::filesystem::path beside(const std::filesystem::path& path) {
  static std::atomic<unsigned> number = 0;
  return path.parent_path() / fmt::format(".{}.{}-{}.tmp", path.filename().string(), ::getpid(), ++number);
}

std::filesystem::path folder_of(const std::filesystem::path& path) {
  return path.has_parent_path() ? path.parent_path() : std::filesystem::path{"."};
}

Status refuse_special(const std::filesystem::path& path) {
  struct stat found{};
  if (::stat(path.c_str(), &found) != 0 || S_ISREG(found.st_mode)) return {};
  return fail(errc::image_write, fmt::format("{}: no regular file", path.string()));
}

/// File systems without nameless files say so in various ways.
bool cannot_do_nameless(int error) {
  return error == EOPNOTSUPP || error == EISDIR || error == ENOENT || error == EINVAL;
}

/// The new name is safe only when the folder that holds it is.
Status sync_folder(const std::filesystem::path& path) {
  const auto folder = folder_of(path);
  const FileHandle handle{::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!handle || ::fsync(handle.get()) != 0) return failed(folder);
  return {};
}

}  // namespace

OutputFile::OutputFile(std::filesystem::path path, std::filesystem::path temporary, FileHandle file)
    : path_{std::move(path)}, temporary_{std::move(temporary)}, file_{std::move(file)} {}

OutputFile::OutputFile(OutputFile&& other) noexcept
    : path_{std::move(other.path_)}, temporary_{std::exchange(other.temporary_, {})}, file_{std::move(other.file_)} {}

OutputFile::~OutputFile() {
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

Result<OutputFile> OutputFile::create(const std::filesystem::path& path) {
  FL_CHECK(refuse_special(path));
  FileHandle nameless{::open(folder_of(path).c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0666)};
  if (nameless) return OutputFile{path, {}, std::move(nameless)};
  if (!cannot_do_nameless(errno)) return failed(path);
  auto temporary = beside(path);
  FileHandle file{::open(temporary.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666)};
  if (!file) return failed(path);
  return OutputFile{path, std::move(temporary), std::move(file)};
}

Status OutputFile::write(ByteOffset at, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t done = ::pwrite(file_.get(), bytes.data(), bytes.size(), static_cast<off_t>(at.value));
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return failed(path_);
    bytes = bytes.subspan(static_cast<std::size_t>(done));
    at.value += static_cast<std::uint64_t>(done);
  }
  return {};
}

Status OutputFile::resize(ByteCount size) {
  if (::ftruncate(file_.get(), static_cast<off_t>(size.value)) != 0) return failed(path_);
  return {};
}

/// A nameless file cannot replace another at once: it gets a name beside it first.
Status OutputFile::name_it() {
  if (!temporary_.empty()) return {};
  auto temporary = beside(path_);
  const std::string self = fmt::format("/proc/self/fd/{}", file_.get());
  if (::linkat(AT_FDCWD, self.c_str(), AT_FDCWD, temporary.c_str(), AT_SYMLINK_FOLLOW) != 0) return failed(path_);
  temporary_ = std::move(temporary);
  return {};
}

Status OutputFile::commit() {
  if (::fsync(file_.get()) != 0) return failed(path_);
  FL_CHECK(name_it());
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) return failed(path_);
  temporary_.clear();
  return sync_folder(path_);
}

}  // namespace flashline::imaging
