#include "flasher/cli/image_disk.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <spdlog/fmt/fmt.h>
#include <unistd.h>
#include <utility>

#include "flasher/cli/progress.h"

namespace flashline::line {
namespace {

constexpr std::size_t piece_size = 1_MiB;

bool all_zero(std::span<const std::byte> bytes) {
  return std::ranges::all_of(bytes, [](std::byte byte) { return byte == std::byte{}; });
}

Status write_at(int fd, std::uint64_t at, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t count = pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(at));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail(Errc::image_write, fmt::format("the unpacked image: {}", std::strerror(errno)));
    bytes = bytes.subspan(static_cast<std::size_t>(count));
    at += static_cast<std::uint64_t>(count);
  }
  return {};
}

/// What is only needed until this process ends.
Result<imaging::FileHandle> nameless_file(const std::filesystem::path& folder) {
  imaging::FileHandle file{open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)};
  if (file) return file;
  std::string name = (folder / ".flashline.XXXXXX").string();
  file = imaging::FileHandle{mkostemp(name.data(), O_CLOEXEC)};
  if (!file) {
    return fail(Errc::image_write,
                fmt::format("{}: no file can be made there: {}", folder.string(), std::strerror(errno)));
  }
  unlink(name.c_str());
  return file;
}

/// All of `stream` into `fd`, zero pieces as holes. Gives the length.
Result<std::uint64_t> unpack(imaging::ByteStream& stream, int fd, ByteCount expected, Console& console) {
  Progress progress{console, "unpack"};
  std::vector<std::byte> piece(piece_size);
  std::uint64_t at = 0;
  for (;;) {
    FL_TRY(const std::size_t count, stream.read(piece));
    if (count == 0) break;
    const auto got = std::span{piece}.first(count);
    if (!all_zero(got)) FL_CHECK(write_at(fd, at, got));
    at += count;
    progress.update(ByteCount{at}, expected);
  }
  if (ftruncate(fd, static_cast<off_t>(at)) != 0) {
    return fail(Errc::image_write, fmt::format("the unpacked image: {}", std::strerror(errno)));
  }
  return at;
}

}  // namespace

Result<imaging::OpenedImage> open_for_access(const std::filesystem::path& path, const imaging::OpenOptions& options,
                                             const std::filesystem::path& spool_folder, Console& console) {
  FL_TRY(imaging::OpenedImage image, imaging::open_image(path, options));
  if (image.content.stream == nullptr) return image;
  FL_TRY(imaging::FileHandle spool, nameless_file(spool_folder.empty() ? "." : spool_folder));
  const ByteCount expected = image.content.size.value_or(ByteCount{});
  FL_TRY(const std::uint64_t size, unpack(*image.content.stream, spool.get(), expected, console));
  if (image.stores.empty()) FL_CHECK(imaging::plan_spooled(image, spool.get()));
  image.content = {.file = std::move(spool), .stream = nullptr, .size = ByteCount{size}};
  return image;
}

Result<const imaging::StorePlan*> pick_store(const imaging::OpenedImage& image, std::optional<std::uint64_t> number) {
  const std::size_t count = image.stores.size();
  if (!number && count == 1) return &image.stores.front();
  if (number && *number >= 1 && *number <= count) return &image.stores[*number - 1];
  std::string list;
  for (std::size_t i = 0; i < count; ++i) list += fmt::format(" {} = {}", i + 1, image.stores[i].device_path);
  if (!number) return fail(Errc::usage, fmt::format("the image has {} stores, name one with --store:{}", count, list));
  return fail(Errc::usage, fmt::format("the image has no store {}:{}", *number, list));
}

Status refuse_same_file(const std::filesystem::path& in, const std::filesystem::path& out) {
  std::error_code unknown;
  if (!std::filesystem::equivalent(in, out, unknown) || unknown) return {};
  return fail(Errc::usage, fmt::format("{} is also the input: name another output", out.string()));
}

ByteCount own_size(const imaging::StorePlan& store) {
  return store.plan.needs.gpt_size.value_or(store.plan.needs.min_size);
}

}  // namespace flashline::line
