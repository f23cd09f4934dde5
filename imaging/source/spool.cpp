#include "imaging/source/spool.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <spdlog/fmt/fmt.h>
#include <stdlib.h>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

#include "imaging/core/errors/image.h"
#include "imaging/source/byte_streams.h"

namespace flashline::imaging {
namespace {

/// Holes are worth having from this size on.
constexpr std::size_t hole_unit = 64_KiB;

std::unexpected<Error> cannot(const std::filesystem::path& folder, const char* what) {
  return fail(errc::image_write,
              fmt::format("{} the decompressed image in {}: {}", what, folder.string(), std::strerror(errno)));
}

/// A file that is gone when this process is, however it ends where the file system can do that.
FileHandle nameless_file(const std::filesystem::path& folder) {
  FileHandle file{::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)};
  if (file || (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT)) return file;
  std::string name = (folder / ".flashline-XXXXXX").string();
  file = FileHandle{::mkostemp(name.data(), O_CLOEXEC)};
  if (file) ::unlink(name.c_str());
  return file;
}

bool write_all(int fd, std::uint64_t at, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t put = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(at));
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(put));
    at += static_cast<std::uint64_t>(put);
  }
  return true;
}

bool write_sparse(int fd, std::uint64_t at, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const auto part = bytes.first(std::min(bytes.size(), hole_unit));
    if (!all_zeros(part) && !write_all(fd, at, part)) return false;
    bytes = bytes.subspan(part.size());
    at += part.size();
  }
  return true;
}

}  // namespace

bool all_zeros(std::span<const std::byte> bytes) {
  // Each byte equals its neighbour and the first is zero: memcmp goes as fast as memory does.
  return bytes.empty() ||
         (bytes[0] == std::byte{} && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0);
}

Status spool(OpenedImage& image, const std::filesystem::path& folder, const SpoolProgress& progress) {
  if (!image.content.stream) return {};
  FileHandle file = nameless_file(folder);
  if (!file) return cannot(folder, "keeping");
  std::vector<std::byte> piece(1_MiB);
  std::uint64_t done = 0;
  for (;;) {
    FL_TRY(const auto got, read_fully(*image.content.stream, piece));
    if (got == 0) break;
    if (!write_sparse(file.get(), done, std::span{piece}.first(got))) return cannot(folder, "writing");
    done += got;
    if (progress) progress(ByteCount{done}, image.content.size.value_or(ByteCount{}));
  }
  if (::ftruncate(file.get(), static_cast<off_t>(done)) != 0) return cannot(folder, "writing");
  image.content = {.file = std::move(file), .stream = nullptr, .size = ByteCount{done}};
  return image.stores.empty() ? plan_spooled(image, image.content.file.get()) : Status{};
}

}  // namespace flashline::imaging
