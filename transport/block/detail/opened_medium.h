#pragma once
// A medium that is open: descriptors, what they can do, and what the medium is. Made by blocking calls.

#include <cstdint>
#include <filesystem>
#include <string>
#include <unistd.h>
#include <utility>

#include "transport/block/block_sink.h"
#include "transport/block/inspect_target.h"

namespace flashline::transport::detail {

class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int fd) : fd_{fd} {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_{std::exchange(other.fd_, -1)} {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~FileDescriptor() {
    if (fd_ >= 0) ::close(fd_);
  }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

struct OpenedMedium {
  FileDescriptor direct;        ///< past the page cache; none where the file system refuses
  FileDescriptor buffered;      ///< of a file, and of a device without direct access
  std::uint32_t alignment = 0;  ///< of offsets and lengths of direct access, in bytes
  bool is_device = false;
  std::filesystem::path sys_path;  ///< of a device
  SinkFacts facts;

  /// The descriptor for calls that move no data.
  int any() const { return direct ? direct.get() : buffered.get(); }
};

/// Opens `target`. Errors: as open_sink().
Result<OpenedMedium> open_medium(const InspectedTarget& target, const Machine& machine);

/// What tells this medium from others, or empty. `sys_path`: of a disk, not of a partition.
std::string device_identity(const std::filesystem::path& sys_path, const Machine& machine);
/// What tells this file from one that takes its place later. Leaves an attribute on it where the file system can.
std::string file_identity(int fd);

}  // namespace flashline::transport::detail
