#pragma once
// A medium behind a bootloader. Writes are gathered into sparse images; what one flash acknowledged is on the medium.

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "transport/block/block_sink.h"
#include "transport/fastboot/detail/board_check.h"
#include "transport/fastboot/detail/segment.h"
#include "transport/fastboot/detail/written_ranges.h"
#include "transport/fastboot/fastboot_session.h"
#include "transport/fastboot/fastboot_target.h"

namespace flashline::transport {

struct FastbootSinkOptions {
  ByteCount memory{8_MiB};          ///< data gathered for one segment
  asio::any_io_executor workers{};  ///< where digests are made; empty: on the caller's strand
  /// These bytes are on the medium now: the place to go on at when the board comes back.
  std::function<void(ByteOffset at, ByteCount length)> on_acknowledged{};
  /// For the log: a segment that was sent again, an erase that the medium does not know.
  std::function<void(std::string_view what)> on_note{};
};

/// A segment ends when it is full, when a block comes that it has already, and at flush(), so that nothing of a phase
/// reaches the board before flush() of the one before returned. A segment that fails is sent once more; then it and all
/// later calls fail. Errors besides those of BlockSink: fastboot_flash, fastboot_no_read, fastboot_verify and those of
/// commands.
class FastbootSink final : public BlockSink {
 public:
  const SinkFacts& facts() const override { return facts_; }
  asio::awaitable<Status> write(ByteOffset at, IoBuffer data) override;
  asio::awaitable<Status> flush() override;
  /// Always fastboot_no_read.
  asio::awaitable<Status> read(ByteOffset at, IoBuffer into) override;
  /// Erases where it is the whole medium and the bootloader can; a medium that refuses is no error.
  asio::awaitable<Status> discard(ByteOffset at, ByteCount length) override;
  asio::awaitable<Status> zero(ByteOffset at, ByteCount length) override;
  asio::awaitable<Status> verify_written() override;

  FastbootSession& session() { return *session_; }

 private:
  friend asio::awaitable<Result<std::shared_ptr<FastbootSink>>> open_fastboot_sink(std::shared_ptr<FastbootSession>,
                                                                                   FastbootTarget, FastbootSinkOptions);
  FastbootSink(std::shared_ptr<FastbootSession> session, FastbootTarget target, FastbootSinkOptions options,
               SinkFacts facts, detail::SegmentLimits limits);

  Status check(ByteOffset at, std::uint64_t length) const;
  /// `data` empty: zeros.
  asio::awaitable<Status> gather(std::uint64_t at, std::uint64_t length, std::span<const std::byte> data);
  asio::awaitable<Status> send_gathered();
  asio::awaitable<Status> send_segment();
  asio::awaitable<Status> send_once();
  asio::awaitable<Status> verify_pending();
  asio::awaitable<Status> erase();
  void acknowledge(const std::vector<detail::WrittenRange>& digests);
  void note(std::string_view what) const;
  Status remembered(Status status);

  std::shared_ptr<FastbootSession> session_;
  FastbootTarget target_;
  FastbootSinkOptions options_;
  SinkFacts facts_;
  detail::Segment segment_;
  detail::WrittenRanges written_;
  detail::BoardCheck check_;
  std::optional<Error> lost_;  // what was gathered never reached the board
};

/// Asks the bootloader what it is and makes a sink of it. Sinks may share a session: a board with two media.
/// Errors: fastboot_size (the medium's size or the download's cannot be used), those of commands.
asio::awaitable<Result<std::shared_ptr<FastbootSink>>> open_fastboot_sink(std::shared_ptr<FastbootSession> session,
                                                                          FastbootTarget target,
                                                                          FastbootSinkOptions options = {});

}  // namespace flashline::transport
