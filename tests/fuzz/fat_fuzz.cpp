// FAT volumes: any bytes give a volume or an error; reading and editing a volume never reaches outside of it, and an
// edit that fails changes nothing.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <vector>

#include "imaging/core/errors/image.h"
#include "imaging/filesystem/fat/fat_volume.h"

namespace {

using namespace flashline;
using namespace flashline::imaging;

constexpr std::size_t most_bytes = 4 << 20;

/// What lies behind the input reads as zeros, so that small inputs make whole volumes.
class PaddedView final : public BlockView {
 public:
  PaddedView(std::span<const std::byte> start, std::size_t size) : start_{start}, size_{size} {}
  ByteCount size() const override { return ByteCount{size_}; }
  Status read(ByteOffset at, std::span<std::byte> out) override {
    if (at.value > size_ || out.size() > size_ - at.value) std::abort();
    std::ranges::fill(out, std::byte{});
    const auto there = start_.subspan(std::min<std::size_t>(at.value, start_.size()));
    std::ranges::copy(there.first(std::min(there.size(), out.size())), out.begin());
    return {};
  }

 private:
  std::span<const std::byte> start_;
  std::size_t size_;
};

/// Nothing here can fail to be read, so such an error is an access outside of the volume.
void check(const Error& error) {
  if (error.code == errc::image_read || error.code == errc::out_of_disk) std::abort();
}

/// Reads all that can be named, three folders deep.
void look_around(FatVolume& volume, const std::string& path, int depth) {
  const auto listed = volume.list(path);
  if (!listed) return check(listed.error());
  for (std::size_t i = 0; i < std::min<std::size_t>(listed->size(), 8); ++i) {
    const FatEntry& entry = (*listed)[i];
    const std::string below = path + "/" + entry.name;
    if (!entry.folder) {
      const auto contents = volume.read_file(below);
      if (!contents) check(contents.error());
    }
    if (entry.folder && depth > 0) look_around(volume, below, depth - 1);
  }
}

void edit(CowView& view, FatVolume& volume, const std::string& path) {
  const std::vector<std::byte> contents(1500, std::byte{0x5A});
  const auto before = view.pages();
  if (const Status written = volume.write_file(path, contents, {}); !written) {
    check(written.error());
    if (view.pages() != before) std::abort();
    return;
  }
  const auto again = volume.read_file(path);
  if (again && again->size() != contents.size()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span{data, size});
  if (bytes.empty() || bytes.size() > most_bytes) return 0;
  const std::size_t padding = std::size_t{std::to_integer<unsigned>(bytes.back())} << 14U;
  PaddedView image{bytes, bytes.size() + padding};
  CowView view{image};
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
