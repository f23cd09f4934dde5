// Provisioning packages: any bytes give facts or an error. The library that reads WIMs is handed nothing but what
// passed the checks of header and table.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <sys/mman.h>
#include <unistd.h>

#include "imaging/provisioning/ppkg.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const int file = ::memfd_create("input.ppkg", MFD_CLOEXEC);
  static const std::string path = "/proc/self/fd/" + std::to_string(file);
  if (::ftruncate(file, 0) != 0 || ::pwrite(file, data, size, 0) != static_cast<ssize_t>(size)) std::abort();
  const auto facts = flashline::imaging::read_ppkg(path);
  if (facts && facts->answers.id.size() != 38) std::abort();
  return 0;
}
