#include "imaging/source/file_view.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <spdlog/fmt/fmt.h>
#include <sys/stat.h>
#include <unistd.h>

#include "imaging/core/errors/image.h"
#include "imaging/source/plan_view.h"

namespace flashline::imaging {
namespace {

Status check_inside(ByteCount size, ByteOffset at, std::size_t count) {
  const auto end = end_of(at, ByteCount{count});
  if (end && end->value <= size.value) return {};
  return fail(errc::image_read,
              fmt::format("{} bytes at offset {} lie outside of the {} bytes there are", count, at.value, size.value));
}

}  // namespace

Result<FileHandle> open_for_reading(const std::filesystem::path& path) {
  FileHandle file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!file) return fail(errc::image_open, fmt::format("{}: {}", path.string(), std::strerror(errno)));
  struct stat facts{};
  if (::fstat(file.get(), &facts) != 0) {
    return fail(errc::image_open, fmt::format("{}: {}", path.string(), std::strerror(errno)));
  }
  if (!S_ISREG(facts.st_mode) && !S_ISBLK(facts.st_mode)) {
    return fail(errc::image_open, fmt::format("{}: not a file or block device", path.string()));
  }
  return file;
}

Result<ByteCount> size_of(int fd) {
  const off_t end = ::lseek(fd, 0, SEEK_END);  // for block devices too, whose st_size is 0
  if (end < 0) return fail(errc::image_read, fmt::format("size of the file: {}", std::strerror(errno)));
  return ByteCount{static_cast<std::uint64_t>(end)};
}

Result<std::vector<std::byte>> read_start(int fd, std::size_t limit) {
  FL_TRY(const auto size, size_of(fd));
  std::vector<std::byte> bytes(static_cast<std::size_t>(std::min<std::uint64_t>(limit, size.value)));
  FL_CHECK(read_exactly(fd, ByteOffset{0}, bytes));
  return bytes;
}

Status FileView::read(ByteOffset at, std::span<std::byte> out) {
  FL_CHECK(check_inside(size_, at, out.size()));
  return read_exactly(fd_, at, out);
}

Status MemoryView::read(ByteOffset at, std::span<std::byte> out) {
  FL_CHECK(check_inside(size(), at, out.size()));
  std::ranges::copy(bytes_.subspan(static_cast<std::size_t>(at.value), out.size()), out.begin());
  return {};
}

}  // namespace flashline::imaging
