#include "imaging/source/output_file.h"

#include <atomic>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <spdlog/fmt/fmt.h>
#include <sys/types.h>
#include <unistd.h>
#include <utility>

namespace flashline::imaging {
namespace {

std::unexpected<Error> failed(const std::filesystem::path& path) {
  return fail(Errc::image_write, fmt::format("{}: {}", path.string(), std::strerror(errno)));
}

std::filesystem::path beside(const std::filesystem::path& path) {
  static std::atomic<unsigned> number = 0;
  return path.parent_path() / fmt::format(".{}.{}-{}.tmp", path.filename().string(), ::getpid(), ++number);
}

/// The new name is safe only when the folder that holds it is.
Status sync_folder(const std::filesystem::path& path) {
  const auto folder = path.has_parent_path() ? path.parent_path() : std::filesystem::path{"."};
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

Status OutputFile::commit() {
  if (::fsync(file_.get()) != 0) return failed(path_);
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) return failed(path_);
  temporary_.clear();
  return sync_folder(path_);
}

}  // namespace flashline::imaging
