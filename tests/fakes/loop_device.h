#pragma once
// A real block device made of a file, for tests that run as root.

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <linux/blkpg.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include <string>
#include <sys/ioctl.h>
#include <unistd.h>
#include <utility>

namespace flashline::fakes {

struct LoopOptions {
  std::uint32_t sector_size = 512;
  bool read_only = false;
};

/// Attached until it is destroyed. path() is empty where loop devices are not to be had: skip the test then.
class LoopDevice {
 public:
  explicit LoopDevice(const std::filesystem::path& file, LoopOptions options = {}) {
    const int backing = ::open(file.c_str(), (options.read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC);
    const int control = ::open("/dev/loop-control", O_RDWR | O_CLOEXEC);
    loop_config config{};
    config.fd = static_cast<__u32>(backing);
    config.block_size = options.sector_size;
    config.info.lo_flags = options.read_only ? LO_FLAGS_READ_ONLY : 0U;
    // A number that is free now may be taken by another test a moment later.
    for (int tries = 0; control >= 0 && tries < 100 && fd_ < 0; ++tries) attach(control, config);
    ::close(control);
    ::close(backing);
  }
  LoopDevice(const LoopDevice&) = delete;
  LoopDevice& operator=(const LoopDevice&) = delete;
  ~LoopDevice() { detach(); }

  const std::string& path() const { return path_; }
  /// Tells the kernel of partition 1; its node, or empty. Said outright, since not every kernel reads tables.
  std::string add_partition(std::uint64_t start, std::uint64_t length) {
    const auto node = path_ + "p1";
    has_partition_ = partition(BLKPG_ADD_PARTITION, start, length);
    return has_partition_ && std::filesystem::exists(node) ? node : std::string{};
  }

  void detach() {
    if (fd_ < 0) return;
    if (has_partition_) partition(BLKPG_DEL_PARTITION, 0, 0);
    ::ioctl(fd_, LOOP_CLR_FD, 0);
    ::close(std::exchange(fd_, -1));
  }

 private:
  bool partition(int what, std::uint64_t start, std::uint64_t length) {
    blkpg_partition part{};
    part.start = static_cast<long long>(start);
    part.length = static_cast<long long>(length);
    part.pno = 1;
    blkpg_ioctl_arg argument{what, 0, static_cast<int>(sizeof part), &part};
    return ::ioctl(fd_, BLKPG, &argument) == 0;
  }

  void attach(int control, loop_config& config) {
    const int number = ::ioctl(control, LOOP_CTL_GET_FREE);
    if (number < 0) return;
    const auto path = "/dev/loop" + std::to_string(number);
    const int fd = ::open(path.c_str(), (config.info.lo_flags & LO_FLAGS_READ_ONLY ? O_RDONLY : O_RDWR) | O_CLOEXEC);
    if (fd < 0) return;
    if (::ioctl(fd, LOOP_CONFIGURE, &config) != 0) {
      ::close(fd);
      return;
    }
    fd_ = fd;
    path_ = path;
  }

  int fd_ = -1;
  bool has_partition_ = false;
  std::string path_;
};

}  // namespace flashline::fakes
