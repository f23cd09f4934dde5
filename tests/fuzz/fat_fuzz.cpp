// FAT volumes: any bytes give a volume or an error; reading and editing a volume never reaches outside of it, and an
// edit that fails changes nothing.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <vector>

#include "imaging/filesystem/fat/fat_volume.h"

namespace {

using namespace flashline;
using namespace flashline::imaging;

constexpr std::size_t most_bytes = 4 << 20;

/// Size beyond the input reads as zeros, so that small inputs make whole volumes.
class PaddedView final : public WritableBlockView {
 public:
  PaddedView(std::span<const std::byte> start, std::size_t size) : bytes(size) {
    std::ranges::copy(start.first(std::min(start.size(), size)), bytes.begin());
  }
  ByteCount size() const override { return ByteCount{bytes.size()}; }
  Status read(ByteOffset at, std::span<std::byte> out) override {
    if (at.value > bytes.size() || out.size() > bytes.size() - at.value) std::abort();
    std::ranges::copy(std::span{bytes}.subspan(at.value, out.size()), out.begin());
    return {};
  }
  Status write(ByteOffset at, std::span<const std::byte> from) override {
    if (at.value > bytes.size() || from.size() > bytes.size() - at.value) std::abort();
    std::ranges::copy(from, bytes.begin() + static_cast<std::ptrdiff_t>(at.value));
    return {};
  }
  std::vector<std::byte> bytes;
};

/// Reads all that can be named, three folders deep.
void look_around(FatVolume& volume, const std::string& path, int depth) {
  const auto listed = volume.list(path);
  if (!listed) return;
  for (std::size_t i = 0; i < std::min<std::size_t>(listed->size(), 8); ++i) {
    const FatEntry& entry = (*listed)[i];
    const std::string below = path + "/" + entry.name;
    if (!entry.folder) (void)volume.read_file(below);
    if (entry.folder && depth > 0) look_around(volume, below, depth - 1);
  }
}

void edit(PaddedView& view, FatVolume& volume, const std::string& path) {
  const std::vector<std::byte> contents(1500, std::byte{0x5A});
  const auto before = view.bytes;
  if (const Status written = volume.write_file(path, contents, {}); !written) {
    if (view.bytes != before) std::abort();
    return;
  }
  // A damaged table may give one cluster to two files, so only a volume that still opens is asked.
  const auto again = volume.read_file(path);
  if (again && again->size() != contents.size()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span{data, size});
  if (bytes.empty() || bytes.size() > most_bytes) return 0;
  const std::size_t padding = std::size_t{std::to_integer<unsigned>(bytes.back())} << 14U;
  PaddedView view{bytes, bytes.size() + padding};
  auto volume = FatVolume::open(view);
  if (!volume) return 0;
  (void)volume->label();
  (void)volume->free_space();
  look_around(*volume, "", 3);
  edit(view, *volume, "FILE.BIN");
  edit(view, *volume, "folder/a rather long name.txt");
  if (const auto root = volume->list(""); root && !root->empty()) {
    edit(view, *volume, root->front().name);
    (void)volume->remove(root->back().name);
  }
  return 0;
}
