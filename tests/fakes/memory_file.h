#pragma once
// Bytes as a file that has no name.

#include <cstddef>
#include <span>
#include <sys/mman.h>
#include <unistd.h>

#include "imaging/source/content.h"

namespace flashline::fakes {

inline imaging::FileHandle memory_file(std::span<const std::byte> bytes) {
  imaging::FileHandle file{::memfd_create("fake", MFD_CLOEXEC)};
  for (std::size_t at = 0; at < bytes.size();) {
    const ssize_t done = ::pwrite(file.get(), bytes.data() + at, bytes.size() - at, static_cast<off_t>(at));
    if (done <= 0) return imaging::FileHandle{};
    at += static_cast<std::size_t>(done);
  }
  return file;
}

}  // namespace flashline::fakes
