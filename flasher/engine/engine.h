#pragma once
// The hot path: one image in, many boards out. Read ChunkCache (detail/chunk_cache.h) and BoardRun (detail/board_run.h)
// for how; this is all that others use.

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>

#include "flasher/engine/loaded_image.h"
#include "flasher/engine/run.h"
#include "imaging/core/error.h"
#include "imaging/core/units.h"
#include "imaging/source/image.h"

namespace flashline::transport {
class IoRing;
}

namespace flashline::line {

namespace asio = boost::asio;

struct EngineOptions {
  ByteCount cache{64_MiB};                  ///< buffers of image content, in whole MiB
  unsigned slots = 16;                      ///< boards at once that the read-back buffers are made for
  unsigned hash_threads = 0;                ///< 0: min(2, processors)
  std::filesystem::path spool_folder{};     ///< where decompressed images go; empty: compressed ones are refused
  std::chrono::milliseconds stall{60'000};  ///< a device that answers nothing for so long has failed
  std::chrono::milliseconds patience{75};   ///< how long the others bear with a slot that lags before it is detached
  bool force_threads = false;               ///< as if io_uring were blocked
};

/// Counters since create(), for tests and the bench.
struct EngineMetrics {
  std::uint64_t bytes_read = 0;    ///< from image or spool
  std::uint64_t bytes_hashed = 0;  ///< by SHA-256
  std::uint64_t loads = 0;
  std::uint64_t hits = 0;
  std::uint64_t detached = 0;    ///< slots that lagged or came late and read for themselves
  std::size_t buffers = 0;       ///< there are
  std::size_t buffers_held = 0;  ///< most that were in use at once
};

/// Owns the event thread, the ring, the buffers and the hash workers. Everything that touches sinks runs on executor().
class Engine {
 public:
  /// Errors: io_setup.
  static Result<std::unique_ptr<Engine>> create(EngineOptions options);
  /// Cancels what still runs and waits for it.
  ~Engine();

  /// The event thread. Sinks are made, used and destroyed on it.
  asio::any_io_executor executor() const;
  /// Threads for what blocks: rendering overlays, opening images.
  asio::any_io_executor blocking() const;
  transport::IoRing& ring();

  /// Takes an opened image in. `path` is the file it came from: it names the spool of a compressed one, which is made
  /// here; boards may start while it is being filled. Returns when the image's plans are known.
  /// Errors: spool_space, image_write, image_read, content_unvouched and whatever the stream reports.
  asio::awaitable<Result<std::shared_ptr<LoadedImage>>> load(imaging::OpenedImage image, std::filesystem::path path);

  /// Writes one board and reads it back. On executor(). Never fails as a call: the report says how it went.
  asio::awaitable<RunReport> run(RunRequest request);

  EngineMetrics metrics() const;

 private:
  class Core;
  explicit Engine(std::unique_ptr<Core> core);
  std::unique_ptr<Core> core_;
};

}  // namespace flashline::line
