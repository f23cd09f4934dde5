// Compressed containers: what is looked into by hand (xz indexes, zstd frames, gzip members) ends in bytes or an error,
// and never gives more than the container declares.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <sys/mman.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include "imaging/source/decompress.h"

using namespace flashline;
using namespace flashline::imaging;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto compression = compression_of(std::as_bytes(std::span{data, size}));
  if (compression == Compression::none) return 0;
  FileHandle file{::memfd_create("container", MFD_CLOEXEC)};
  if (::write(file.get(), data, size) != static_cast<ssize_t>(size)) return 0;
  auto opened = open_compressed(std::move(file), compression);
  if (!opened) return 0;
  std::vector<std::byte> piece(64_KiB);
  std::uint64_t done = 0;
  while (done < 1_MiB) {
    const auto got = opened->stream->read(piece);
    if (!got || *got == 0) break;
    done += *got;
    if (opened->size && done > opened->size->value) std::abort();
  }
  return 0;
}
