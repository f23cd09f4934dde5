#pragma once
// Bytes into the blocks of a cabinet's folder, on as many threads as it is told.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <future>
#include <span>
#include <vector>

#include "imaging/core/error.h"

namespace flashline::imaging::cab {

/// libgcab packs, one piece of a folder at a time: it knows only one folder a cabinet and one thread, but blocks that
/// do not look back on those before the piece are valid anywhere, so that pieces of whole blocks join to one folder.
class Packer {
 public:
  /// Takes the blocks of a piece of this folder, in order.
  using Sink = std::function<Status(std::size_t folder, std::span<const std::byte> blocks)>;

  Packer(unsigned threads, Sink sink);
  ~Packer();
  Packer(const Packer&) = delete;
  Packer& operator=(const Packer&) = delete;

  /// What is added from now on belongs to this folder. `packing`: stored or mszip. Errors: as add.
  Status begin(std::size_t folder, std::uint16_t packing);
  /// Errors: cab_write, those of the sink.
  Status add(std::span<const std::byte> bytes);
  /// Hands over what is left. Errors: as add.
  Status finish();

 private:
  using Blocks = Result<std::vector<std::byte>>;
  struct Running {
    std::size_t folder;
    std::future<Blocks> blocks;
  };
  Status start_piece();
  Status take_oldest();

  unsigned threads_;
  Sink sink_;
  std::size_t folder_ = 0;
  std::uint16_t packing_ = 0;
  std::vector<std::byte> piece_;
  std::deque<Running> running_;
};

}  // namespace flashline::imaging::cab
