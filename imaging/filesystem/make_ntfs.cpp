#include "imaging/filesystem/make_ntfs.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <limits>
#include <spdlog/fmt/fmt.h>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <vector>

#include "imaging/core/errors/filesystem.h"
#include "imaging/core/errors/image.h"
#include "imaging/core/unicode.h"
#include "imaging/filesystem/run_program.h"
#include "imaging/filesystem/tree_content.h"
#include "imaging/filesystem/wim_file.h"
#include "imaging/source/content.h"
#include "imaging/source/scratch_folder.h"

namespace flashline::imaging {
namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t usual_cluster = 4096;
constexpr std::uint64_t record_size = 1024;
/// A file whose bytes fit beside its other attributes needs no clusters.
constexpr std::uint64_t most_resident = 512;
constexpr std::uint64_t least_volume = 1_MiB + 64_KiB;
constexpr std::size_t most_label = 32;
constexpr std::size_t serial_at = 0x48;

std::uint64_t divided(std::uint64_t value, std::uint64_t by) { return (value + by - 1) / by; }

Result<std::uint32_t> cluster_of(const NtfsFormat& format) {
  if (format.sector_size != 512 && format.sector_size != 4096) {
    return fail(errc::cluster_size, fmt::format("sectors of {} bytes", format.sector_size));
  }
  const std::uint32_t cluster = format.cluster_size == 0 ? usual_cluster : format.cluster_size;
  if (std::has_single_bit(cluster) && cluster >= format.sector_size && cluster <= 64_KiB) return cluster;
  return fail(errc::cluster_size, fmt::format("NTFS has clusters of a power of two from {} to 65536 bytes, not of {}",
                                              format.sector_size, cluster));
}

Status check_label(const std::string& label) {
  const auto units = utf16_of(label);
  if (units && units->size() <= most_label && std::ranges::none_of(*units, [](char16_t c) { return c < 0x20; }))
    return {};
  return fail(errc::volume_label, fmt::format("'{}' is no label of at most {} characters", label, most_label));
}

Result<FileHandle> new_file(const fs::path& path, std::uint64_t size) {
  FileHandle file{::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600)};
  if (file && ::ftruncate(file.get(), static_cast<off_t>(size)) == 0) return file;
  return fail(errc::image_write, fmt::format("{}: {}", path.string(), std::strerror(errno)));
}

/// "2026-03-14 15:09:00", as faketime wants it.
std::string clock_text(std::chrono::sys_seconds time) {
  using namespace std::chrono;
  const sys_seconds at = std::max(time, sys_seconds{});
  const sys_days day = floor<days>(at);
  const year_month_day date{day};
  const hh_mm_ss clock{at - day};
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), clock.hours().count(),
                     clock.minutes().count(), clock.seconds().count());
}

/// Runs a program for which it is always `time`: stamps, random seeds and serials come out the same on every day.
Result<std::string> run_at(std::chrono::sys_seconds time, std::vector<std::string> arguments,
                           std::chrono::seconds timeout) {
  FL_TRY(arguments.front(), find_program(arguments.front()));
  Program program{.arguments = {"faketime", "-f", clock_text(time)},
                  .environment = {"FAKETIME_DONT_FAKE_MONOTONIC=1"},
                  .timeout = timeout};
  program.arguments.insert(program.arguments.end(), arguments.begin(), arguments.end());
  return run_program(program);
}

Status format_volume(const fs::path& volume, const NtfsFormat& format, std::uint32_t cluster,
                     std::chrono::sys_seconds time) {
  // The field has 32 bits; firmware does not look at it on disks that need more.
  const std::uint64_t hidden =
      format.first_sector <= std::numeric_limits<std::uint32_t>::max() ? format.first_sector : 0;
  std::vector<std::string> arguments{"mkntfs",
                                     "--force",
                                     "--fast",
                                     "--quiet",
                                     "--sector-size",
                                     std::to_string(format.sector_size),
                                     "--cluster-size",
                                     std::to_string(cluster),
                                     "--partition-start",
                                     std::to_string(hidden),
                                     "--heads",
                                     "255",
                                     "--sectors-per-track",
                                     "63"};
  if (!format.label.empty()) arguments.insert(arguments.end(), {"--label", format.label});
  arguments.push_back(volume.string());
  FL_CHECK(run_at(time, std::move(arguments), format.timeout));
  return {};
}

Status fill_volume(const ScratchFolder& scratch, const fs::path& volume, const NtfsFormat& format, const FileTree& tree,
                   std::chrono::sys_seconds time) {
  const fs::path wim = scratch.path() / "files.wim";
  {
    FL_TRY(const FileHandle file, new_file(wim, 0));
    FL_CHECK(write_wim(file.get(), tree, {.name = "files", .time = time, .owners = true}));
  }
  const auto applied =
      run_at(time, {"wimlib-imagex", "apply", wim.string(), "1", volume.string(), "--quiet"}, format.timeout);
  if (applied) return {};
  const bool full = applied.error().detail.contains("No space left on device");
  return fail(full ? errc::partition_too_small : applied.error().code, applied.error().detail);
}

/// mkntfs draws the serial from the clock, which would give all volumes of an image the same one.
Status set_serial(int fd, std::uint64_t size, const NtfsFormat& format) {
  std::array<std::byte, 8> serial{};
  for (std::size_t i = 0; i < serial.size(); ++i) serial[i] = static_cast<std::byte>(format.serial >> (8 * i) & 0xFFU);
  for (const std::uint64_t sector : {std::uint64_t{0}, size - format.sector_size}) {
    const auto at = static_cast<off_t>(sector + serial_at);
    if (::pwrite(fd, serial.data(), serial.size(), at) != static_cast<ssize_t>(serial.size())) {
      return fail(errc::image_write, std::strerror(errno));
    }
  }
  return {};
}

/// Copies what is not a hole.
Status copy_out(int fd, std::uint64_t size, WritableBlockView& partition) {
  std::vector<std::byte> buffer(content_piece);
  const auto end = static_cast<off_t>(size);
  for (off_t at = 0; at < end;) {
    at = ::lseek(fd, at, SEEK_DATA);
    if (at < 0 && errno == ENXIO) return {};
    const off_t hole = at < 0 ? -1 : ::lseek(fd, at, SEEK_HOLE);
    if (hole < 0) return fail(errc::image_read, std::strerror(errno));
    while (at < hole) {
      const auto piece = std::span{buffer}.first(static_cast<std::size_t>(std::min<off_t>(hole - at, content_piece)));
      const ssize_t count = ::pread(fd, piece.data(), piece.size(), at);
      if (count <= 0) return fail(errc::image_read, std::strerror(errno));
      const auto got = piece.first(static_cast<std::size_t>(count));
      FL_CHECK(write_sparse(partition, ByteOffset{static_cast<std::uint64_t>(at)}, got));
      at += count;
    }
  }
  return {};
}

std::uint64_t content_clusters(const FileTree& tree, std::uint32_t cluster) {
  std::uint64_t sum = 0;
  for (const auto& [key, entry] : tree.entries()) sum += entry.size <= most_resident ? 0 : divided(entry.size, cluster);
  return sum;
}

/// Bytes of a folder's index: entries with two copies of the stamps, in blocks that splits leave half full.
std::uint64_t index_bytes(const TreeFolder& folder, std::uint32_t cluster) {
  std::uint64_t bytes = 0;
  for (const TreeFolder::Child& child : folder.children)
    bytes += (16 + 66 + child.entry->name().size() * 2 + 7) / 8 * 8;
  return bytes <= most_resident ? 0 : divided(2 * bytes + 4096, cluster) * cluster;
}

Status check_space(std::uint64_t size, std::uint32_t cluster, const FileTree& tree) {
  const std::uint64_t needed = content_clusters(tree, cluster);
  if (size >= least_volume && needed <= size / cluster) return {};
  return fail(errc::partition_too_small,
              fmt::format("contents need {} clusters of {} bytes, the partition has {} bytes", needed, cluster, size));
}

}  // namespace

Status make_ntfs(WritableBlockView& partition, const NtfsFormat& format, const FileTree& tree,
                 std::chrono::sys_seconds time) {
  FL_TRY(const std::uint32_t cluster, cluster_of(format));
  FL_CHECK(check_label(format.label));
  const std::uint64_t size = partition.size().value / format.sector_size * format.sector_size;
  FL_CHECK(check_space(size, cluster, tree));
  FL_TRY(const ScratchFolder scratch, ScratchFolder::make(format.scratch));
  const fs::path volume = scratch.path() / "volume.ntfs";
  FL_TRY(const FileHandle file, new_file(volume, size));
  FL_CHECK(format_volume(volume, format, cluster, time));
  FL_CHECK(fill_volume(scratch, volume, format, tree, time));
  FL_CHECK(set_serial(file.get(), size, format));
  return copy_out(file.get(), size, partition);
}

Result<std::uint64_t> needed_ntfs_sectors(const NtfsFormat& format, const FileTree& tree) {
  FL_TRY(const std::uint32_t cluster, cluster_of(format));
  std::uint64_t bytes = content_clusters(tree, cluster) * cluster;
  for (const TreeFolder& folder : tree.folders()) bytes += index_bytes(folder, cluster);
  // Records are added some at a time; the table of them, the system's own files and their clusters come on top.
  bytes += (tree.entries().size() + tree.entries().size() / 16 + 256) * record_size;
  bytes += 64 * std::uint64_t{cluster} + 1_MiB;
  // A bit for each cluster; a log of 2 to 64 MiB, as mkntfs measures it; runs and what it rounds.
  bytes += bytes / cluster / 8 + bytes / 64 + std::clamp<std::uint64_t>(bytes / 150, 2_MiB, 64_MiB);
  return divided(std::max(bytes, least_volume), cluster) * cluster / format.sector_size;
}

}  // namespace flashline::imaging
