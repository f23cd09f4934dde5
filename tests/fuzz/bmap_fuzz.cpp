// Block maps: any text gives a map whose ranges lie in order inside of the image, or an error.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <utility>
#include <vector>

#include "imaging/source/bmap.h"

namespace {

using namespace flashline;
using namespace flashline::imaging;

constexpr std::uint64_t largest_read = 1_MiB;

class Zeros final : public ByteStream {
 public:
  explicit Zeros(std::uint64_t left) : left_{left} {}
  Result<std::size_t> read(std::span<std::byte> out) override {
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), left_));
    std::ranges::fill(out.first(count), std::byte{});
    left_ -= count;
    return count;
  }

 private:
  std::uint64_t left_;
};

void drain(ByteStream& stream) {
  std::vector<std::byte> piece(5000);
  for (;;) {
    const auto got = stream.read(piece);
    if (!got || *got == 0) return;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto map = parse_bmap(std::as_bytes(std::span{data, size}));
  if (!map) return 0;
  std::uint64_t end = 0;
  for (const auto& extent : map->extents()) {
    if (extent.at.value < end || extent.length.value == 0) std::abort();
    end = extent.at.value + extent.length.value;
  }
  if (end > map->image_size.value) std::abort();
  const std::uint64_t length = map->image_size.value;
  if (length <= largest_read) drain(*checked_by_bmap(std::make_unique<Zeros>(length), std::move(*map)));
  return 0;
}
