#include "transport/block/inspect_target.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "imaging/core/errors/target.h"
#include "transport/block/detail/machine_use.h"

namespace flashline::transport {
namespace {

namespace fs = std::filesystem;
using detail::MachineUse;

std::unexpected<Error> refuse(Errc code, const InspectedTarget& target, const std::string& why) {
  return fail(code, target.given + ": " + why);
}

std::string bytes(ByteCount count) { return std::to_string(count.value) + " bytes"; }

Status check_size(const InspectedTarget& target, const TargetNeeds& needs) {
  const bool is_device = target.kind == InspectedTarget::Kind::block_device;
  if (is_device && target.size.value == 0)
    return refuse(errc::target_no_medium, target, "there is no medium in it, its size is 0");
  if (needs.expected_size && *needs.expected_size != target.size) {
    return refuse(errc::target_unexpected_size, target,
                  "it has " + bytes(target.size) + ", " + bytes(*needs.expected_size) + " were expected");
  }
  const ByteCount least{std::max<std::uint64_t>(needs.at_least.value, 1)};
  if (target.size < least) {
    return refuse(errc::target_too_small, target, "it has " + bytes(target.size) + ", " + bytes(least) + " are needed");
  }
  return {};
}

/// The file that a check is about: a target itself, or what a loop device target shows.
Status check_not_own(const InspectedTarget& target, const fs::path& file, const TargetNeeds& needs) {
  for (const auto& folder : needs.station_folders) {
    const auto real = detail::real_path_of(folder);
    if (!real.empty() && detail::is_inside(file, real))
      return refuse(errc::target_own_file, target, "it lies in " + real.string());
  }
  for (const auto& source : needs.source_files) {
    std::error_code missing;
    if (fs::equivalent(source, file, missing)) {
      return refuse(errc::target_own_file, target, "it is the file that would be read, " + source.string());
    }
  }
  return {};
}

Status check_sector(const InspectedTarget& target, const TargetNeeds& needs) {
  if (needs.sector_size == 0 || needs.sector_size == target.sector_size) return {};
  return refuse(errc::target_sector_size, target,
                "its sectors have " + std::to_string(target.sector_size) + " bytes, the image is made for " +
                    std::to_string(needs.sector_size));
}

Result<InspectedTarget> inspect_device(InspectedTarget target, const TargetNeeds& needs, const MachineUse& use) {
  const auto device = use.devices().find(target.device);
  if (!device) return refuse(errc::target_open, target, "the kernel knows no such device any more");
  target.kind = InspectedTarget::Kind::block_device;
  target.size = device->size;
  target.sector_size = device->sector_size;
  target.sys_path = device->sys_path;
  target.disk_seq = device->disk_seq;

  if (const auto folder = use.carries(*device, needs.station_folders)) {
    return refuse(errc::target_system_disk, target, folder->string() + " lies on it");
  }
  if (device->is_partition() && !needs.allow_partition) {
    return refuse(errc::target_is_partition, target, device->name + " is a partition of " + device->disk);
  }
  if (const auto reason = use.use_of(*device)) return refuse(errc::target_in_use, target, *reason);
  if (!device->backing_file.empty()) FL_CHECK(check_not_own(target, device->backing_file, needs));
  if (device->read_only) return refuse(errc::target_read_only, target, "the kernel has it as read-only");
  FL_CHECK(check_sector(target, needs));
  FL_CHECK(check_size(target, needs));
  return target;
}

/// A read lease is granted only while nobody has the file open for writing; where leases do not exist, nothing is said.
bool is_open_for_writing(const fs::path& file) {
  const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return false;
  // Whoever opens the file for writing while we hold the lease has the kernel send a signal: by default one that ends
  // this process, so name one that does nothing.
  if (::fcntl(fd, F_SETSIG, SIGURG) != 0) {
    ::close(fd);
    return false;
  }
  const bool refused = ::fcntl(fd, F_SETLEASE, F_RDLCK) != 0 && (errno == EAGAIN || errno == EBUSY);
  ::close(fd);
  return refused;
}

Status check_writable(const InspectedTarget& target, const fs::path& path) {
  if (::access(path.c_str(), W_OK) == 0) return {};
  const int error = errno;
  return refuse(error == EROFS ? errc::target_read_only : errc::target_open, target, std::strerror(error));
}

Result<InspectedTarget> inspect_file(InspectedTarget target, const struct stat& found, const TargetNeeds& needs,
                                     const MachineUse& use) {
  target.kind = InspectedTarget::Kind::file;
  target.device = found.st_dev;
  target.inode = found.st_ino;
  // An empty file is as good as none: it grows to what was asked for.
  target.size = found.st_size == 0 ? needs.create_size : ByteCount{static_cast<std::uint64_t>(found.st_size)};
  FL_CHECK(check_not_own(target, target.real_path, needs));
  if (const auto reason = use.use_of_file(found.st_dev, found.st_ino)) {
    return refuse(errc::target_in_use, target, *reason);
  }
  FL_CHECK(check_writable(target, target.real_path));
  if (is_open_for_writing(target.real_path)) {
    return refuse(errc::target_in_use, target, "another program has it open for writing");
  }
  FL_CHECK(check_size(target, needs));
  return target;
}

Result<InspectedTarget> inspect_missing(InspectedTarget target, const TargetNeeds& needs) {
  const auto folder = target.real_path.parent_path();
  struct stat found{};
  if (needs.create_size.value == 0 || ::stat(folder.c_str(), &found) != 0 || !S_ISDIR(found.st_mode)) {
    return refuse(errc::target_open, target, "there is no such file or device");
  }
  target.kind = InspectedTarget::Kind::missing_file;
  target.device = found.st_dev;
  target.size = needs.create_size;
  FL_CHECK(check_not_own(target, target.real_path, needs));
  FL_CHECK(check_writable(target, folder));
  FL_CHECK(check_size(target, needs));
  return target;
}

}  // namespace

Result<InspectedTarget> inspect_target(const fs::path& path, const TargetNeeds& needs, const Machine& machine) {
  InspectedTarget target;
  target.given = path.string();
  target.sector_size = needs.sector_size == 0 ? 512 : needs.sector_size;
  target.real_path = detail::real_path_of(path);

  struct stat found{};
  // Links are resolved by now, so one that is still there leads nowhere.
  if (target.real_path.empty() || ::lstat(target.real_path.c_str(), &found) != 0) {
    if (target.real_path.empty() || errno != ENOENT) return refuse(errc::target_open, target, std::strerror(errno));
    return inspect_missing(std::move(target), needs);
  }
  const MachineUse use{machine};
  if (S_ISREG(found.st_mode)) return inspect_file(std::move(target), found, needs, use);
  if (S_ISLNK(found.st_mode)) return refuse(errc::target_open, target, "the link leads nowhere");
  if (!S_ISBLK(found.st_mode)) return refuse(errc::target_not_a_disk, target, "it is neither");
  target.device = found.st_rdev;
  return inspect_device(std::move(target), needs, use);
}

}  // namespace flashline::transport
