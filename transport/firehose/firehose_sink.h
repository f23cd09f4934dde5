#pragma once
// A board's storage behind a Firehose programmer, as a sink of blocks.

#include <boost/asio/any_io_executor.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "imaging/core/digest.h"
#include "transport/block/block_sink.h"
#include "transport/firehose/firehose.h"
#include "transport/usb/byte_pipe.h"

namespace flashline::transport {

struct FirehoseSinkOptions {
  FirehoseOptions programmer{};
  /// Writes that follow each other are collected up to this and written as one run: each run costs two answers.
  std::size_t collect = 4 * 1024 * 1024;
  /// How written bytes are checked; nothing: the best that the programmer can, found out by trying.
  std::optional<ReadBack> read_back{};
  /// Where what the board is to digest is digested on this side; nothing: on the sink's own executor.
  asio::any_io_executor hash_on{};
};

/// Writes are durable when the programmer acknowledged them, at the latest at flush(). Nothing is resumed inside of a
/// run: after a failed write every call fails as it did, and the board has to be powered off and on. Errors:
/// device_gone and device_timeout for what happened on the wire, device_write where the programmer refused or failed a
/// write, device_full past the end; else those of Firehose.
class FirehoseSink final : public BlockSink {
 public:
  /// Agrees with the programmer that runs behind `pipe`. `name` is what facts().path says. Errors: those of Firehose.
  static asio::awaitable<Result<std::unique_ptr<FirehoseSink>>> open(std::unique_ptr<BytePipe> pipe, std::string name,
                                                                     FirehoseSinkOptions options = {});

  const SinkFacts& facts() const override { return facts_; }
  asio::awaitable<Status> write(ByteOffset at, IoBuffer data) override;
  asio::awaitable<Status> flush() override;
  asio::awaitable<Status> read(ByteOffset at, IoBuffer into) override;
  /// Does nothing: erased blocks read as whatever the medium likes.
  asio::awaitable<Status> discard(ByteOffset at, ByteCount length) override;
  asio::awaitable<Status> zero(ByteOffset at, ByteCount length) override;
  asio::awaitable<Status> verify_written() override;

  /// Starts the board anew; the sink is of no use afterwards.
  asio::awaitable<Status> restart();

 private:
  /// A run that was written and not verified yet.
  struct Written {
    SectorRun run;
    Sha256 digest;
  };
  /// Calls may overlap, commands may not: a call holds this while it talks.
  class Turns;

  FirehoseSink(std::unique_ptr<BytePipe> pipe, Firehose firehose, asio::any_io_executor executor,
               FirehoseSinkOptions options);
  asio::awaitable<Status> find_facts(std::string name);
  asio::awaitable<Result<ReadBack>> tried_read_back();
  Result<SectorRun> sectors(ByteOffset at, std::uint64_t length) const;
  asio::awaitable<Status> take(ByteOffset at, std::span<const std::byte> data);
  asio::awaitable<Status> write_collected();
  asio::awaitable<Status> write_run(SectorRun run, std::span<const std::byte> data);
  asio::awaitable<Status> program(SectorRun run, std::span<const std::byte> data);
  asio::awaitable<Sha256> digested(SectorRun run, std::span<const std::byte> data);
  asio::awaitable<Status> verify_before(SectorRun run);
  asio::awaitable<Status> verify_all();
  static Status as_device(Status status, ByteOffset at);
  ByteOffset at_of(SectorRun run) const { return ByteOffset{run.first * facts_.sector_size}; }

  std::unique_ptr<BytePipe> pipe_;
  Firehose firehose_;
  FirehoseSinkOptions options_;
  SinkFacts facts_;
  std::shared_ptr<Turns> turns_;
  std::vector<std::byte> collected_;
  ByteOffset collected_at_{};
  std::vector<Written> written_;
  std::optional<Error> failed_;  ///< of a write: nobody may believe that what followed is there
};

}  // namespace flashline::transport
