// Registry hives: any bytes give an error, or a tree that can be written, and read again, without a change. The
// header's checksum is put right first, so that what lies behind it is reached.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "imaging/filesystem/registry/build_hive.h"
#include "imaging/filesystem/registry/hive_format.h"
#include "imaging/filesystem/registry/read_hive.h"

using namespace flashline;
using namespace flashline::imaging;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto input = std::as_bytes(std::span{data, size});
  std::vector<std::byte> file{input.begin(), input.end()};
  if (size >= hive::block_size) store32(std::span{file}.subspan(508), hive::checksum(file));
  const auto tree = read_hive(file, "fuzz");
  if (!tree) return 0;
  const auto built = build_hive(*tree, "FUZZ", 0);
  if (!built) std::abort();
  const auto again = read_hive(*built, "again");
  if (!again) std::abort();
  const auto rebuilt = build_hive(*again, "FUZZ", 0);
  if (!rebuilt || *rebuilt != *built) std::abort();
  return 0;
}
