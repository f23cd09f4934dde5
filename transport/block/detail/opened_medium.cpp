#include "transport/block/detail/opened_medium.h"

#include <cerrno>
#include <chrono>
#include <cstring>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <thread>

#include "imaging/core/errors/target.h"
#include "transport/block/detail/block_devices.h"

#ifndef BLKGETDISKSEQ
#define BLKGETDISKSEQ _IOR(0x12, 128, __u64)
#endif

namespace flashline::transport::detail {
namespace {

namespace fs = std::filesystem;

std::unexpected<Error> refuse(Errc code, const InspectedTarget& target, const std::string& why) {
  return fail(code, target.given + ": " + why);
}

std::unexpected<Error> refuse_open(const InspectedTarget& target, int error) {
  switch (error) {
    case EBUSY:
    case ETXTBSY:
      return refuse(errc::target_in_use, target, "something else holds it exclusively");
    case EROFS:
      return refuse(errc::target_read_only, target, std::strerror(error));
    case ENOMEDIUM:
      return refuse(errc::target_no_medium, target, std::strerror(error));
    case EEXIST:
    case ENXIO:
    case ENODEV:
    case ENOENT:
    case ELOOP:
      return refuse(errc::target_changed, target, std::strerror(error));
    default:
      return refuse(errc::target_open, target, std::strerror(error));
  }
}

/// udev takes the same lock, shared, for the moment of a probe: wait that long.
Status lock(int fd, const InspectedTarget& target) {
  for (int tries = 0; tries < 20; ++tries) {
    if (::flock(fd, LOCK_EX | LOCK_NB) == 0) return {};
    if (errno != EWOULDBLOCK) return {};  // a file system without locks: O_EXCL and the lease have to do
    if (target.kind != InspectedTarget::Kind::block_device) break;
    std::this_thread::sleep_for(std::chrono::milliseconds{100});
  }
  return refuse(errc::target_in_use, target, "another program has locked it");
}

std::string first_difference(int fd, const InspectedTarget& target, const Machine& machine) {
  struct stat found{};
  std::uint64_t size = 0;
  int sector_size = 0;
  __u64 sequence = 0;
  if (::fstat(fd, &found) != 0 || !S_ISBLK(found.st_mode) || found.st_rdev != target.device) return "device number";
  if (::ioctl(fd, BLKGETSIZE64, &size) != 0 || size != target.size.value) return "size";
  if (::ioctl(fd, BLKSSZGET, &sector_size) != 0 || sector_size != static_cast<int>(target.sector_size)) return "sector";
  if (target.disk_seq && ::ioctl(fd, BLKGETDISKSEQ, &sequence) == 0 && sequence != *target.disk_seq) {
    return "disk sequence number";
  }
  const auto device = BlockDevices{machine.sys}.find(found.st_rdev);
  if (!device || device->sys_path != target.sys_path) return "place in /sys";
  return {};
}

Result<OpenedMedium> open_device(const InspectedTarget& target, const Machine& machine) {
  constexpr int flags = O_RDWR | O_EXCL | O_CLOEXEC;
  OpenedMedium medium;
  medium.direct = FileDescriptor{::open(target.real_path.c_str(), flags | O_DIRECT)};
  if (!medium.direct && errno == EINVAL) medium.buffered = FileDescriptor{::open(target.real_path.c_str(), flags)};
  if (!medium.direct && !medium.buffered) return refuse_open(target, errno);
  const int fd = medium.any();

  FL_CHECK(lock(fd, target));
  const auto difference = first_difference(fd, target, machine);
  if (!difference.empty()) return refuse(errc::target_changed, target, "its " + difference + " is no longer the same");
  int read_only = 0;
  if (::ioctl(fd, BLKROGET, &read_only) != 0 || read_only != 0) {
    return refuse(errc::target_read_only, target, "the kernel has it as read-only");
  }
  std::error_code ignored;
  medium.is_device = true;
  medium.alignment = target.sector_size;
  medium.sys_path = target.sys_path;
  const bool partition = fs::exists(target.sys_path / "partition", ignored);
  const auto disk = partition ? target.sys_path.parent_path() : target.sys_path;
  const auto most = first_line(disk / "queue/discard_max_bytes");
  medium.facts.can_discard = !most.empty() && most != "0";
  medium.facts.medium = device_identity(disk, machine);
  return medium;
}

/// The smallest alignment that direct access to this file takes, or 0.
std::uint32_t direct_alignment(int fd) {
  alignas(4096) std::byte scratch[4096];
  for (const std::uint32_t alignment : {512U, 4096U}) {
    if (::pread(fd, scratch, alignment, 0) >= 0) return alignment;
  }
  return 0;
}

bool can_punch(int fd, ByteCount size) {
  // Past the end of the file this changes nothing.
  return ::fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(size.value), 4096) == 0;
}

Result<FileDescriptor> open_or_create(const InspectedTarget& target) {
  constexpr int flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW;
  const bool create = target.kind == InspectedTarget::Kind::missing_file;
  FileDescriptor file{::open(target.real_path.c_str(), create ? flags | O_CREAT | O_EXCL : flags, 0644)};
  if (!file) return refuse_open(target, errno);
  FL_CHECK(lock(file.get(), target));
  struct stat found{};
  if (::fstat(file.get(), &found) != 0 || found.st_dev != target.device || (!create && found.st_ino != target.inode)) {
    return refuse(errc::target_changed, target, "another file is there now");
  }
  const auto size = static_cast<std::uint64_t>(found.st_size);
  if (size == 0 && ::ftruncate(file.get(), static_cast<off_t>(target.size.value)) != 0) {
    return refuse(errc::target_open, target, std::strerror(errno));
  }
  if (size != 0 && size != target.size.value) return refuse(errc::target_changed, target, "its size changed");
  return file;
}

Result<OpenedMedium> open_file(const InspectedTarget& target) {
  OpenedMedium medium;
  FL_TRY(medium.buffered, open_or_create(target));
  // By the descriptor, not by the name: a name may lead elsewhere by now.
  const auto same = "/proc/self/fd/" + std::to_string(medium.buffered.get());
  medium.direct = FileDescriptor{::open(same.c_str(), O_RDWR | O_CLOEXEC | O_DIRECT)};
  if (medium.direct) medium.alignment = direct_alignment(medium.direct.get());
  if (medium.alignment == 0) medium.direct = FileDescriptor{};
  medium.facts.can_discard = can_punch(medium.buffered.get(), target.size);
  medium.facts.medium = file_identity(medium.buffered.get());
  return medium;
}

}  // namespace

Result<OpenedMedium> open_medium(const InspectedTarget& target, const Machine& machine) {
  const bool is_device = target.kind == InspectedTarget::Kind::block_device;
  FL_TRY(auto medium, is_device ? open_device(target, machine) : open_file(target));
  medium.facts.path = target.given;
  medium.facts.capacity = target.size;
  medium.facts.sector_size = target.sector_size;
  medium.facts.access = medium.direct ? "direct" : "buffered: direct access is refused here";
  return medium;
}

}  // namespace flashline::transport::detail
