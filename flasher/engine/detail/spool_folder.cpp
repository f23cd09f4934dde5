#include "flasher/engine/detail/spool_folder.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <spdlog/fmt/fmt.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "flasher/engine/detail/spool.h"
#include "imaging/core/errors/device.h"
#include "imaging/core/errors/image.h"
#include "imaging/source/plan_view.h"

namespace flashline::line::detail {
namespace {

namespace fs = std::filesystem;
using imaging::FileHandle;

/// Little-endian on every station that we build for; a spool never leaves its machine.
struct SumsHeader {
  char magic[8] = {'F', 'L', 's', 'p', 'o', 'o', 'l', '1'};
  std::uint64_t size = 0;
  std::uint64_t unit = 0;
};

std::unexpected<Error> write_failed(const fs::path& path) {
  return fail(errc::image_write, fmt::format("{}: {}", path.string(), std::strerror(errno)));
}

/// Complete spools, the least recently made first.
std::vector<fs::path> complete_spools(const fs::path& folder) {
  std::vector<std::pair<fs::file_time_type, fs::path>> found;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator{folder, error}) {
    if (entry.path().extension() == ".spool") found.emplace_back(entry.last_write_time(error), entry.path());
  }
  std::ranges::sort(found);
  std::vector<fs::path> paths;
  for (auto& [time, path] : found) paths.push_back(std::move(path));
  return paths;
}

bool remove_oldest(const fs::path& folder) {
  const auto spools = complete_spools(folder);
  if (spools.empty()) return false;
  std::error_code error;
  fs::remove(fs::path{spools.front()}.replace_extension(".sums"), error);
  return fs::remove(spools.front(), error);
}

/// 0, or an errno. The space is asked for first: a reservation that does not fit takes all there is before it fails,
/// and whoever else writes to that disk fails with it.
int reserve(int fd, ByteOffset from, ByteCount length) {
  struct statvfs space{};
  if (::fstatvfs(fd, &space) != 0) return errno;
  if (space.f_bavail * space.f_frsize < length.value) return ENOSPC;
  if (::fallocate(fd, 0, static_cast<off_t>(from.value), static_cast<off_t>(length.value)) == 0) return 0;
  return errno == EOPNOTSUPP ? 0 : errno;
}

}  // namespace

Result<SpoolNames> spool_names(const fs::path& folder, const fs::path& image_file) {
  struct stat facts{};
  if (::stat(image_file.c_str(), &facts) != 0) {
    return fail(errc::image_open, fmt::format("{}: {}", image_file.string(), std::strerror(errno)));
  }
  std::error_code error;
  const auto absolute = fs::absolute(image_file, error);
  const auto identity = fmt::format("{}\n{}\n{}.{:09}\n{}:{}", absolute.string(), facts.st_size, facts.st_mtim.tv_sec,
                                    facts.st_mtim.tv_nsec, facts.st_dev, facts.st_ino);
  const auto name = to_hex(sha256(std::as_bytes(std::span{identity}))).substr(0, 32);
  static std::atomic<unsigned> made = 0;
  const auto part = fmt::format("{}.{}.{}.part", name, ::getpid(), made++);
  return SpoolNames{folder / (name + ".spool"), folder / (name + ".sums"), folder / part};
}

std::optional<SpoolSums> read_sums(const fs::path& sums, std::uint32_t unit) {
  const FileHandle file{::open(sums.c_str(), O_RDONLY | O_CLOEXEC)};
  SumsHeader header;
  const SumsHeader wanted;
  if (!file || !imaging::read_exactly(file.get(), {}, std::as_writable_bytes(std::span{&header, 1}))) return {};
  if (std::memcmp(header.magic, wanted.magic, sizeof wanted.magic) != 0 || header.unit != unit) return {};
  struct stat facts{};
  const std::uint64_t count = (header.size + unit - 1) / unit;
  if (::fstat(file.get(), &facts) != 0 ||
      static_cast<std::uint64_t>(facts.st_size) != sizeof header + count * sizeof(Sha256)) {
    return {};
  }
  SpoolSums found{ByteCount{header.size}, std::vector<Sha256>(count)};
  const auto into = std::as_writable_bytes(std::span{found.digests});
  if (!imaging::read_exactly(file.get(), ByteOffset{sizeof header}, into)) return {};
  return found;
}

Status write_sums(const fs::path& sums, const SpoolSums& content) {
  const FileHandle file{::open(sums.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)};
  if (!file) return write_failed(sums);
  SumsHeader header;
  header.size = content.size.value;
  header.unit = Spool::unit;
  const auto digests = std::as_bytes(std::span{content.digests});
  const bool written = ::write(file.get(), &header, sizeof header) == static_cast<ssize_t>(sizeof header) &&
                       ::write(file.get(), digests.data(), digests.size()) == static_cast<ssize_t>(digests.size()) &&
                       ::fsync(file.get()) == 0;
  if (!written) return write_failed(sums);
  return {};
}

Result<FileHandle> make_part(const SpoolNames& names) {
  std::error_code error;
  fs::create_directories(names.part.parent_path(), error);
  FileHandle file{::open(names.part.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600)};
  if (!file || ::flock(file.get(), LOCK_EX | LOCK_NB) != 0) return write_failed(names.part);
  return file;
}

Status ensure_room(int fd, const fs::path& folder, ByteOffset from, ByteCount length) {
  if (length.value == 0) return {};
  int error = reserve(fd, from, length);
  while (error == ENOSPC && remove_oldest(folder)) error = reserve(fd, from, length);
  if (error == 0) return {};
  const auto detail =
      fmt::format("{}: {} bytes at {}: {}", folder.string(), length.value, from.value, std::strerror(error));
  return fail(error == ENOSPC || error == EFBIG || error == EDQUOT ? errc::spool_space : errc::image_write, detail);
}

void remove_abandoned_spools(const fs::path& folder) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator{folder, error}) {
    if (entry.path().extension() != ".part") continue;
    const FileHandle file{::open(entry.path().c_str(), O_RDWR | O_CLOEXEC)};
    if (file && ::flock(file.get(), LOCK_EX | LOCK_NB) == 0) fs::remove(entry.path(), error);
  }
}

}  // namespace flashline::line::detail
