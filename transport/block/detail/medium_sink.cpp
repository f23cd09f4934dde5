#include "transport/block/detail/medium_sink.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <memory>
#include <new>
#include <span>
#include <spdlog/fmt/fmt.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "imaging/core/errors/device.h"

namespace flashline::transport::detail {
namespace {

// One ioctl over a whole card takes minutes and cannot be interrupted.
constexpr std::uint64_t step_size = 256_MiB;
constexpr std::size_t zeros_size = 1_MiB;

Errc code_for(int error, Errc otherwise) {
  switch (error) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return errc::device_full;
    case ENXIO:
    case ENODEV:
    case ENOMEDIUM:
      return errc::device_gone;
    case ETIMEDOUT:
      return errc::device_timeout;
    case ECANCELED:
      return errc::cancelled;
    default:
      return otherwise;
  }
}

bool is_unsupported(int error) { return error == EOPNOTSUPP || error == ENOTTY || error == EINVAL || error == ENOSYS; }

std::int64_t result_of(int status) { return status < 0 ? -errno : 0; }

std::int64_t discard_device(int fd, std::uint64_t at, std::uint64_t length) {
  const std::uint64_t range[2] = {at, length};
  return result_of(::ioctl(fd, BLKDISCARD, range));
}

std::int64_t zero_device(int fd, std::uint64_t at, std::uint64_t length) {
  const std::uint64_t range[2] = {at, length};
  return result_of(::ioctl(fd, BLKZEROOUT, range));
}

std::int64_t punch_hole(int fd, std::uint64_t at, std::uint64_t length) {
  constexpr int mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
  return result_of(::fallocate(fd, mode, static_cast<off_t>(at), static_cast<off_t>(length)));
}

/// Drops what the page cache holds of the range, after it was written back, and reads it.
std::int64_t read_past_cache(int fd, std::uint64_t at, std::span<std::byte> into) {
  const auto start = static_cast<off_t>(at);
  const auto length = static_cast<off_t>(into.size());
  constexpr unsigned all = SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
  if (::sync_file_range(fd, start, length, all) != 0 && errno == EIO) return -EIO;
  ::posix_fadvise(fd, start, length, POSIX_FADV_DONTNEED);
  const auto count = ::pread(fd, into.data(), into.size(), start);
  return count < 0 ? -errno : count;
}

struct FreeAligned {
  void operator()(std::byte* memory) const { ::operator delete[](memory, std::align_val_t{4096}); }
};

}  // namespace

// Direct access wants offset, length and memory aligned; whole sectors of a device are. The odd ends of a file are not,
// and neither is the memory after an odd beginning.
MediumSink::Piece MediumSink::next_piece(ByteOffset at, std::span<const std::byte> memory) const {
  const std::uint64_t alignment = medium_.alignment;
  if (!medium_.direct) return {.direct = false, .length = memory.size()};
  if (medium_.is_device) return {.direct = true, .length = memory.size()};
  const auto whole = memory.size() / alignment * alignment;
  const bool aligned = at.value % alignment == 0 && reinterpret_cast<std::uintptr_t>(memory.data()) % alignment == 0;
  if (!aligned || whole == 0) return {.direct = false, .length = memory.size()};
  return {.direct = true, .length = whole};
}

bool MediumSink::is_gone() const {
  if (!medium_.is_device) return false;
  std::error_code ignored;
  std::uint64_t size = 0;
  if (!std::filesystem::exists(medium_.sys_path / "dev", ignored)) return true;
  return ::ioctl(medium_.any(), BLKGETSIZE64, &size) != 0 || size == 0;
}

Error MediumSink::explain(Errc code, std::string_view what, ByteOffset at, std::uint64_t length, int error) const {
  code = code_for(error, code);
  if (error == EIO && is_gone()) code = errc::device_gone;
  return Error{code, fmt::format("{} of {} bytes at offset {}: {} (errno {})", what, length, at.value,
                                 std::strerror(error), error)};
}

Status MediumSink::check(ByteOffset at, ByteCount length, Errc code) const {
  const auto end = end_of(at, length);
  if (!end || end->value > medium_.facts.capacity.value) {
    return fail(errc::device_full, fmt::format("{} bytes at offset {} lie outside of its {} bytes", length.value,
                                               at.value, medium_.facts.capacity.value));
  }
  const auto sector = medium_.is_device ? medium_.facts.sector_size : 1;
  if (at.value % sector == 0 && length.value % sector == 0) return {};
  return fail(code,
              fmt::format("{} bytes at offset {} are no whole sectors of {} bytes", length.value, at.value, sector));
}

asio::awaitable<Status> MediumSink::write(ByteOffset at, IoBuffer data) {
  FL_CO_CHECK(check(at, ByteCount{data.bytes.size()}, errc::device_write));
  for (std::size_t done = 0; done < data.bytes.size();) {
    const ByteOffset here{at.value + done};
    const auto piece = next_piece(here, data.bytes.subspan(done));
    const int fd = piece.direct ? medium_.direct.get() : medium_.buffered.get();
    const auto result = co_await ring_.write(fd, here, data.part(done, piece.length));
    if (!result.ok()) {
      co_return std::unexpected{explain(errc::device_write, "write", here, piece.length, result.error())};
    }
    // A device may end between sectors of a transfer; the rest of a torn sector is written again.
    const auto kept =
        medium_.is_device ? result.bytes() / medium_.facts.sector_size * medium_.facts.sector_size : result.bytes();
    if (kept == 0) co_return std::unexpected{explain(errc::device_full, "write", here, piece.length, ENOSPC)};
    done += kept;
  }
  co_return Status{};
}

asio::awaitable<Status> MediumSink::flush() {
  if (lost_) co_return std::unexpected{*lost_};
  const int fd = medium_.any();
  const auto result = co_await ring_.fsync(fd);
  if (!result.ok()) {
    auto error = explain(errc::device_flush, "flush", ByteOffset{}, 0, result.error());
    if (error.code == errc::cancelled) co_return std::unexpected{std::move(error)};
    lost_ = std::move(error);
    co_return std::unexpected{*lost_};
  }
  if (!medium_.direct) ::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
  co_return Status{};
}

asio::awaitable<IoResult> MediumSink::read_piece(ByteOffset at, IoBuffer into, Piece piece) {
  const auto part = into.part(0, piece.length);
  if (piece.direct) co_return co_await ring_.read(medium_.direct.get(), at, part);
  co_return co_await ring_.call(
      [fd = medium_.buffered.get(), at, bytes = part.bytes] { return read_past_cache(fd, at.value, bytes); });
}

asio::awaitable<Status> MediumSink::read(ByteOffset at, IoBuffer into) {
  FL_CO_CHECK(check(at, ByteCount{into.bytes.size()}, errc::device_read));
  for (std::size_t done = 0; done < into.bytes.size();) {
    const ByteOffset here{at.value + done};
    const auto rest = into.part(done, into.bytes.size() - done);
    const auto piece = next_piece(here, rest.bytes);
    const auto result = co_await read_piece(here, rest, piece);
    if (!result.ok() || result.bytes() == 0) {
      const int error = result.ok() ? EIO : result.error();
      co_return std::unexpected{explain(errc::device_read, "read", here, piece.length, error)};
    }
    done += result.bytes();
  }
  co_return Status{};
}

asio::awaitable<int> MediumSink::in_steps(ByteOffset at, ByteCount length,
                                          std::int64_t (*step)(int, std::uint64_t, std::uint64_t)) {
  for (std::uint64_t done = 0; done < length.value;) {
    const auto count = std::min(step_size, length.value - done);
    const auto start = at.value + done;
    const auto result =
        co_await ring_.call([step, fd = medium_.any(), start, count] { return step(fd, start, count); });
    if (!result.ok()) co_return result.error();
    done += count;
  }
  co_return 0;
}

asio::awaitable<Status> MediumSink::discard(ByteOffset at, ByteCount length) {
  FL_CO_CHECK(check(at, length, errc::device_write));
  if (!medium_.facts.can_discard) co_return Status{};
  const int error = co_await in_steps(at, length, medium_.is_device ? discard_device : punch_hole);
  // It promises nothing, so a medium that cannot has kept its promise.
  if (error == 0 || is_unsupported(error)) co_return Status{};
  co_return std::unexpected{explain(errc::device_write, "discard", at, length.value, error)};
}

asio::awaitable<Status> MediumSink::zero(ByteOffset at, ByteCount length) {
  FL_CO_CHECK(check(at, length, errc::device_write));
  const int error = co_await in_steps(at, length, medium_.is_device ? zero_device : punch_hole);
  if (error == 0) co_return Status{};
  if (!is_unsupported(error)) {
    co_return std::unexpected{explain(errc::device_write, "writing zeros", at, length.value, error)};
  }
  co_return co_await write_zeros(at, length);
}

asio::awaitable<Status> MediumSink::write_zeros(ByteOffset at, ByteCount length) {
  const std::unique_ptr<std::byte[], FreeAligned> zeros{new (std::align_val_t{4096}) std::byte[zeros_size]{}};
  for (std::uint64_t done = 0; done < length.value;) {
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(zeros_size, length.value - done));
    FL_CO_CHECK(co_await write(ByteOffset{at.value + done}, IoBuffer{{zeros.get(), count}}));
    done += count;
  }
  co_return Status{};
}

}  // namespace flashline::transport::detail
