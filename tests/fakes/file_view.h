#pragma once
// A file as a disk, so that other tools can look at it between edits.

#include <fcntl.h>
#include <string>
#include <sys/stat.h>
#include <unistd.h>

#include "imaging/core/block_view.h"
#include "imaging/core/errors/image.h"

namespace flashline {

class FileView final : public WritableBlockView {
 public:
  explicit FileView(const std::string& path) : fd_{::open(path.c_str(), O_RDWR | O_CLOEXEC)} {}
  ~FileView() override { ::close(fd_); }
  FileView(const FileView&) = delete;
  FileView& operator=(const FileView&) = delete;

  ByteCount size() const override {
    struct stat facts{};
    return ByteCount{::fstat(fd_, &facts) == 0 ? static_cast<std::uint64_t>(facts.st_size) : 0};
  }
  Status read(ByteOffset at, std::span<std::byte> out) override {
    ++reads;
    const auto n = ::pread(fd_, out.data(), out.size(), static_cast<off_t>(at.value));
    if (n == static_cast<ssize_t>(out.size())) return {};
    return fail(errc::image_read, "the file in a test");
  }
  Status write(ByteOffset at, std::span<const std::byte> bytes) override {
    ++writes;
    const auto n = ::pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(at.value));
    if (n == static_cast<ssize_t>(bytes.size())) return {};
    return fail(errc::image_write, "the file in a test");
  }

  int reads = 0;
  int writes = 0;

 private:
  int fd_;
};

}  // namespace flashline
