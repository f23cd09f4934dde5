#pragma once
// A file that behaves like a card: slow, stalling, failing, lying. For the demo, for training, and for tests.

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>

#include "transport/block/block_sink.h"

namespace flashline::transport {

/// How a board behaves. Numbers of writes are 1-based and counted by BoardHistory.
struct BoardTraits {
  std::uint64_t write_rate = 0;                  ///< bytes per second; 0: as fast as the medium
  std::uint64_t read_rate = 0;                   ///< bytes per second; 0: as fast as the medium
  ByteCount stall_every = {};                    ///< pause each time so many bytes were written; 0: never
  std::chrono::milliseconds stall{0};            ///< how long
  std::optional<std::uint64_t> fail_write = {};  ///< this write fails, once
  std::optional<std::uint64_t> lie_write = {};   ///< this write keeps a wrong bit and reports success
  /// At this write the board leaves; it is back when it is opened again.
  std::optional<std::uint64_t> leave_write = {};
  std::optional<ByteOffset> vanish_at = {};  ///< a write that reaches this byte makes the board leave, every time
  ByteCount real_capacity = {};              ///< less than it claims, a multiple of 4096: addresses wrap; 0: honest
};

/// What a board went through; outlives the sink, so that a retry finds the board as it was left.
struct BoardHistory {
  std::uint64_t writes = 0;
  std::uint64_t bytes_written = 0;
};

/// The board. Transfers take the time a card of its rates would take, one after the other, while the medium works
/// beside; flush waits for them. Errors: device_write, device_gone, and those of the medium.
class VirtualBoard final : public BlockSink {
 public:
  using Clock = std::chrono::steady_clock;

  /// `medium` keeps the bytes.
  VirtualBoard(asio::any_io_executor executor, std::unique_ptr<BlockSink> medium, BoardTraits traits,
               std::shared_ptr<BoardHistory> history = std::make_shared<BoardHistory>());

  const SinkFacts& facts() const override { return facts_; }
  asio::awaitable<Status> write(ByteOffset at, IoBuffer data) override;
  asio::awaitable<Status> flush() override;
  asio::awaitable<Status> read(ByteOffset at, IoBuffer into) override;
  asio::awaitable<Status> discard(ByteOffset at, ByteCount length) override;
  asio::awaitable<Status> zero(ByteOffset at, ByteCount length) override;

  /// Pulls the board out; all calls fail from now on, those in progress included.
  void leave() { gone_ = true; }

 private:
  struct Stretch {
    ByteOffset at;
    std::size_t length;
  };
  Stretch real_stretch(ByteOffset at, std::uint64_t length) const;

  Clock::time_point occupy(std::uint64_t bytes, std::uint64_t rate);
  Clock::duration stalls_for(std::uint64_t bytes);
  asio::awaitable<void> wait_until(Clock::time_point due);
  Status still_here() const;
  Status misfortune_of_write(std::uint64_t number, ByteOffset end);
  asio::awaitable<Status> keep(ByteOffset at, IoBuffer data);
  asio::awaitable<Status> spoil(ByteOffset at, IoBuffer data);

  asio::any_io_executor executor_;
  std::unique_ptr<BlockSink> medium_;
  BoardTraits traits_;
  std::shared_ptr<BoardHistory> history_;
  SinkFacts facts_;
  Clock::time_point free_at_{};
  bool gone_ = false;
};

}  // namespace flashline::transport
