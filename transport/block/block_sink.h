#pragma once
// The narrow waist to hardware. Everything above it writes blocks and never knows what kind of board takes them.

#include <boost/asio/awaitable.hpp>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "imaging/core/error.h"
#include "imaging/core/units.h"

namespace flashline::transport {

namespace asio = boost::asio;

/// Memory that I/O goes to or comes from. `bytes` is aligned to 4096; `slot` is its number among the ring's registered
/// buffers, or -1 for memory that was not registered. The memory stays valid until the operation completed.
struct IoBuffer {
  std::span<std::byte> bytes;
  int slot = -1;

  IoBuffer part(std::size_t skip, std::size_t count) const { return {bytes.subspan(skip, count), slot}; }
};

/// How what was written can be checked.
enum class ReadBack : std::uint8_t {
  bytes,     ///< read() gives them back
  by_board,  ///< the board compares them itself: verify_written()
  none,      ///< not at all: the board said that it wrote them, and that is all there is
};

/// What a sink is.
struct SinkFacts {
  std::string path = {};            ///< the name it was opened by
  ByteCount capacity = {};          ///< exact size in bytes
  std::uint32_t sector_size = 512;  ///< logical; offsets and lengths of I/O are multiples of it
  std::string medium = {};   ///< identity of the medium as far as it tells one (model, serial, CID); empty: it does not
  bool can_discard = false;  ///< discard() is worth calling
  std::string access = {};   ///< for the log: "direct", or "buffered" and why
  ReadBack read_back = ReadBack::bytes;
};

/// Blocks in, blocks out. One owner, one strand. Calls may overlap; each completes on the caller's executor.
/// Errors: device_write, device_read, device_flush, device_gone, device_full, device_timeout, cancelled. A sink adds
/// offset and errno to the detail, never the slot: its caller knows that.
class BlockSink {
 public:
  virtual ~BlockSink() = default;
  virtual const SinkFacts& facts() const = 0;

  /// Writes all of `data` at `at`. Durable only after flush().
  virtual asio::awaitable<Status> write(ByteOffset at, IoBuffer data) = 0;
  /// Everything written before is on the medium when this returns.
  virtual asio::awaitable<Status> flush() = 0;
  /// Fills `into` from the medium, past any cache of this host.
  virtual asio::awaitable<Status> read(ByteOffset at, IoBuffer into) = 0;
  /// Tells the medium that nobody needs these bytes. What they read as afterwards is not promised: verify.
  virtual asio::awaitable<Status> discard(ByteOffset at, ByteCount length) = 0;
  /// Makes these bytes read as zero, by the cheapest way that promises it.
  virtual asio::awaitable<Status> zero(ByteOffset at, ByteCount length) = 0;
  /// Where read_back is by_board: the board holds what was written and flushed since the sink was opened or since the
  /// last call. Errors also: verify_mismatch (with the first range that differs).
  virtual asio::awaitable<Status> verify_written() { co_return Status{}; }
};

}  // namespace flashline::transport
