#pragma once
// The one way to the kernel for every slot: reads, writes and flushes that never block the event thread.

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

#include "imaging/core/error.h"
#include "imaging/core/units.h"
#include "transport/block/block_sink.h"

namespace flashline::transport {

/// What the kernel answered: bytes done (or what a call() returned), or a negative errno. It is left to the caller to
/// say what that means, since only the caller knows what was read or written.
struct IoResult {
  std::int64_t value = 0;

  bool ok() const { return value >= 0; }
  int error() const { return ok() ? 0 : static_cast<int>(-value); }
  std::size_t bytes() const { return ok() ? static_cast<std::size_t>(value) : 0; }
};

/// One io_uring with registered buffers, whose eventfd wakes an Asio executor; where io_uring is blocked, a pool of
/// threads behind the same face, chosen once. Used from one thread: that of its executor, an io_context's.
///
/// Operations that are started in one turn of the event loop go to the kernel in one system call. An operation that is
/// cancelled (Asio's cancellation slots) still completes only when the kernel is done with its memory, with ECANCELED
/// or its real result. Destroying the ring ends what can be ended, waits for the kernel to let go of the rest, and then
/// posts every result; the execution context must live longer than the ring.
class IoRing {
 public:
  struct Options {
    std::size_t buffer_count = 0;
    std::size_t buffer_size = 0;  ///< bytes, rounded up to 4096
    bool force_threads = false;   ///< as if io_uring were blocked
  };

  /// Errors: io_setup (no memory for the buffers, no eventfd). A blocked io_uring is none.
  static Result<std::unique_ptr<IoRing>> create(asio::any_io_executor executor, Options options);
  ~IoRing();

  /// "io_uring", "io_uring without registered buffers" (locked memory is limited too tightly) or "threads".
  std::string_view path() const;
  /// Why path() is not "io_uring", or empty.
  std::string_view path_reason() const;

  /// Buffer number `slot` < buffer_count(). Who uses which is the caller's business.
  IoBuffer buffer(int slot) const;
  std::size_t buffer_count() const;
  std::size_t buffer_size() const;

  /// One read or write at `at`; it may do less than asked. `fd` and memory stay valid until it completed.
  asio::awaitable<IoResult> read(int fd, ByteOffset at, IoBuffer into);
  asio::awaitable<IoResult> write(int fd, ByteOffset at, IoBuffer data);
  /// fdatasync.
  asio::awaitable<IoResult> fsync(int fd);
  /// Runs a blocking `call` on a thread; it returns a value >= 0 or a negative errno, and throws nothing.
  asio::awaitable<IoResult> call(std::move_only_function<std::int64_t()> work);

 private:
  class Core;
  explicit IoRing(std::shared_ptr<Core> core);
  std::shared_ptr<Core> core_;
};

}  // namespace flashline::transport
