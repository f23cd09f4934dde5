#include "imaging/source/content.h"

#include <unistd.h>

namespace flashline::imaging {

void FileHandle::reset(int fd) {
  if (fd_ >= 0) ::close(fd_);
  fd_ = fd;
}

}  // namespace flashline::imaging
