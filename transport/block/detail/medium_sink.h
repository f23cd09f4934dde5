#pragma once
// The sink of block devices and files.

#include <optional>
#include <span>
#include <string_view>

#include "transport/block/block_sink.h"
#include "transport/block/detail/opened_medium.h"
#include "transport/block/io_ring.h"

namespace flashline::transport::detail {

class MediumSink final : public BlockSink {
 public:
  /// `ring` outlives it.
  MediumSink(IoRing& ring, OpenedMedium medium) : ring_{ring}, medium_{std::move(medium)} {}

  const SinkFacts& facts() const override { return medium_.facts; }
  asio::awaitable<Status> write(ByteOffset at, IoBuffer data) override;
  asio::awaitable<Status> flush() override;
  asio::awaitable<Status> read(ByteOffset at, IoBuffer into) override;
  asio::awaitable<Status> discard(ByteOffset at, ByteCount length) override;
  asio::awaitable<Status> zero(ByteOffset at, ByteCount length) override;

 private:
  /// A piece of a transfer that one descriptor can take.
  struct Piece {
    bool direct;
    std::size_t length;
  };
  Piece next_piece(ByteOffset at, std::span<const std::byte> memory) const;

  Status check(ByteOffset at, ByteCount length, Errc code) const;
  Error explain(Errc code, std::string_view what, ByteOffset at, std::uint64_t length, int error) const;
  bool is_gone() const;

  asio::awaitable<IoResult> read_piece(ByteOffset at, IoBuffer into, Piece piece);
  /// Runs `step(at, length)`, which gives 0 or a negative errno, on a thread, piece by piece. The errno, or 0.
  asio::awaitable<int> in_steps(ByteOffset at, ByteCount length,
                                std::int64_t (*step)(int, std::uint64_t, std::uint64_t));
  asio::awaitable<Status> write_zeros(ByteOffset at, ByteCount length);

  IoRing& ring_;
  OpenedMedium medium_;
  std::optional<Error> lost_;  ///< what an earlier flush said; the kernel says it only once
};

}  // namespace flashline::transport::detail
