#include "imaging/filesystem/file_block_view.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <unistd.h>

#include "imaging/core/errors/image.h"

namespace flashline::imaging {
namespace {

Status check_inside(ByteCount size, ByteOffset at, std::size_t count, Errc code) {
  const auto end = end_of(at, ByteCount{count});
  if (end && end->value <= size.value) return {};
  return fail(code, std::to_string(count) + " bytes at offset " + std::to_string(at.value) + " lie outside of the " +
                        std::to_string(size.value) + " bytes there are");
}

}  // namespace

Status FileBlockView::read(ByteOffset at, std::span<std::byte> out) {
  FL_CHECK(check_inside(size_, at, out.size(), errc::image_read));
  std::size_t done = 0;
  while (done < out.size()) {
    const auto where = static_cast<off_t>(start_.value + at.value + done);
    const ssize_t count = ::pread(fd_, out.data() + done, out.size() - done, where);
    if (count < 0 && errno != EINTR) return fail(errc::image_read, std::strerror(errno));
    if (count == 0) break;
    if (count > 0) done += static_cast<std::size_t>(count);
  }
  std::ranges::fill(out.subspan(done), std::byte{});
  return {};
}

Status FileBlockView::write(ByteOffset at, std::span<const std::byte> bytes) {
  FL_CHECK(check_inside(size_, at, bytes.size(), errc::image_write));
  std::size_t done = 0;
  while (done < bytes.size()) {
    const auto where = static_cast<off_t>(start_.value + at.value + done);
    const ssize_t count = ::pwrite(fd_, bytes.data() + done, bytes.size() - done, where);
    if (count < 0 && errno != EINTR) return fail(errc::image_write, std::strerror(errno));
    if (count > 0) done += static_cast<std::size_t>(count);
  }
  return {};
}

}  // namespace flashline::imaging
