#pragma once
// Memory or a medium of any size of which only what was written takes room.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>

#include "tests/lab/emulators/emulated_device.h"

namespace flashline::lab {

class SparseMemory {
 public:
  void write(std::uint64_t at, std::span<const std::byte> data) {
    for_pieces(at, data.size(), [&](std::uint64_t page, std::size_t inside, std::size_t from, std::size_t count) {
      std::ranges::copy(data.subspan(from, count), pages_[page].begin() + static_cast<std::ptrdiff_t>(inside));
    });
  }
  /// What was never written reads as zero.
  Bytes read(std::uint64_t at, std::size_t count) const {
    Bytes bytes(count);
    for_pieces(at, count, [&](std::uint64_t page, std::size_t inside, std::size_t from, std::size_t piece) {
      const auto found = pages_.find(page);
      if (found == pages_.end()) return;
      std::ranges::copy(std::span{found->second}.subspan(inside, piece),
                        bytes.begin() + static_cast<std::ptrdiff_t>(from));
    });
    return bytes;
  }
  /// Every byte zero again.
  void clear() { pages_.clear(); }

 private:
  static constexpr std::size_t page_size = 4096;

  template <class Each>
  static void for_pieces(std::uint64_t at, std::size_t size, Each each) {
    for (std::size_t done = 0; done < size;) {
      const auto inside = static_cast<std::size_t>((at + done) % page_size);
      const std::size_t count = std::min(page_size - inside, size - done);
      each((at + done) / page_size, inside, done, count);
      done += count;
    }
  }

  std::map<std::uint64_t, std::array<std::byte, page_size>> pages_;
};

}  // namespace flashline::lab
