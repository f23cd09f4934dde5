#pragma once
// The only thing that reads an image. A piece is read and checked once while boards run together, whoever asks first;
// the buffer that holds it is the one that every board's write is made from. Memory is bounded by the buffers there
// are.
//
// Boards that run in step are *attached*: what one of them loaded and another has still to write is kept. When they
// drift so far apart that the first would have to wait for the last, the smaller part of them is *detached*: nothing is
// kept for those, they load for themselves what is not there, into as many buffers as they have writes in flight. So
// what a board loses to a slower one is `patience` once. Boards whose media are equally fast stay together, whatever
// else holds them up.

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "flasher/engine/detail/image_state.h"
#include "flasher/engine/detail/signal.h"
#include "flasher/engine/engine.h"
#include "imaging/core/error.h"
#include "transport/block/io_ring.h"

namespace flashline::line::detail {

/// Where a board is in its work: in which pass of writing, at which cell of content.
struct Rank {
  std::uint64_t stage = 0;
  std::uint64_t cell = 0;
  auto operator<=>(const Rank&) const = default;
};

/// Checked bytes of content in a buffer of the ring.
struct Chunk {
  std::uint64_t image = 0;
  PieceKey piece;
  Rank rank;
  bool kept = false;  ///< loaded for attached boards: stays until each of them had it
  transport::IoBuffer buffer;
  ByteOffset start;  ///< content offset of the buffer's first byte
  std::size_t held = 0;
};

class ChunkCache;
class Reader;

/// Holds a chunk for a reader. Nothing overwrites its buffer meanwhile.
class ChunkRef {
 public:
  ChunkRef(Reader& reader, Chunk& chunk);
  ~ChunkRef();
  ChunkRef(ChunkRef&& other) noexcept : reader_{other.reader_}, chunk_{std::exchange(other.chunk_, nullptr)} {}
  ChunkRef& operator=(ChunkRef&&) = delete;

  /// Content [at, at + length), which lies in the piece.
  transport::IoBuffer part(ByteOffset at, std::uint64_t length) const {
    return chunk_->buffer.part(at.value - chunk_->start.value, length);
  }

 private:
  Reader* reader_;
  Chunk* chunk_;
};

/// A board's place among the others that write the same image.
class Reader {
 public:
  Reader(ChunkCache& cache, std::uint64_t image);
  ~Reader();
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  /// All cells before `cell` are done with or held.
  void move_to(std::uint64_t cell) { move_to(Rank{rank_.stage, cell}); }
  /// A pass is over. Boards of the same image have the same passes in the same order.
  void begin_stage() { move_to(Rank{rank_.stage + 1, 0}); }
  /// Nothing is kept for this board any more.
  void leave();
  bool attached() const { return attached_; }

 private:
  friend class ChunkCache;
  friend class ChunkRef;
  void move_to(Rank rank);
  void took();
  void gave_back();
  bool starves() const { return waiting_ > 0 && holding_ == 0; }
  bool is_slower_than(const Reader& other, std::chrono::milliseconds patience) const;

  ChunkCache& cache_;
  std::uint64_t image_;
  Rank rank_;
  std::uint64_t pieces_ = 0;  // asked for so far
  bool attached_ = false;
  std::size_t waiting_ = 0;  // for a buffer
  std::size_t holding_ = 0;  // chunks, while the medium takes them
  std::uint64_t done_ = 0;   // chunks given back
  Clock::duration busy_{};   // while something was held
  Clock::time_point busy_since_;
  Clock::time_point last_done_;
};

/// Event thread only. Outlives readers and references.
class ChunkCache {
 public:
  struct Options {
    std::chrono::milliseconds patience{75};
    asio::any_io_executor hash_pool;
  };

  /// `buffers` are the ring's, of ContentMap::cell_size each.
  ChunkCache(transport::IoRing& ring, std::vector<transport::IoBuffer> buffers, Options options);
  ~ChunkCache();

  /// `piece` of `image`, checked. Waits for the source, and for a buffer while all are in use.
  /// Errors: image_read, truncated, chunk_hash, image_changed, and the spool's.
  asio::awaitable<Result<ChunkRef>> acquire(Reader& reader, ImageState& image, PieceKey piece);

  std::size_t buffers() const { return buffers_; }
  const EngineMetrics& metrics() const { return metrics_; }

 private:
  friend class ChunkRef;
  friend class Reader;
  struct Name {
    std::uint64_t image;
    PieceKey piece;
    auto operator<=>(const Name&) const = default;
  };
  struct Load;
  struct Entry {
    Chunk* chunk = nullptr;      // set once the load is done
    std::shared_ptr<Load> load;  // set until then
  };

  asio::awaitable<Result<ChunkRef>> join(Reader& reader, std::shared_ptr<Load> load);
  asio::awaitable<Result<ChunkRef>> load(Reader& reader, ImageState& image, PieceKey piece);
  asio::awaitable<Status> fill(ImageState& image, Chunk& chunk, const std::vector<imaging::Extent>& segments);
  asio::awaitable<Result<CheckedPiece>> check(ImageState& image, Chunk& chunk, std::vector<imaging::Extent> segments);
  asio::awaitable<Status> pin_large_unit(ImageState& image, Chunk& chunk);
  asio::awaitable<Status> pin_unit_of(ImageState& image, Chunk& chunk);
  asio::awaitable<Status> read(ImageState& image, ByteOffset at, transport::IoBuffer into);

  asio::awaitable<Chunk*> take_buffer(Reader& reader, std::uint64_t cell);
  asio::awaitable<void> wait_for_buffer(Reader& reader);
  Chunk* free_or_evicted();
  Chunk* furthest_after(const Reader& reader, std::uint64_t cell);
  void evict(Chunk& chunk);
  void account();
  bool is_needed(const Chunk& chunk) const;
  bool holds_up(const Reader& reader) const;
  bool split();
  void give_up_newest();
  void release(Chunk& chunk);
  void free_up(Chunk& chunk);
  void enter(Reader& reader);

  transport::IoRing& ring_;
  Options options_;
  std::size_t buffers_;
  std::deque<Chunk> chunks_;
  std::vector<Chunk*> free_;
  std::list<Chunk*> idle_;  // in the cache, held by nobody, least recently used first
  std::map<Name, Entry> entries_;
  std::vector<Reader*> readers_;
  Clock::duration lost_{};  // by boards that starve, less what is forgiven
  Clock::time_point accounted_;
  bool starving_ = false;
  Signal freed_;
  bool pinning_ = false;
  Signal pinned_;
  EngineMetrics metrics_;
};

}  // namespace flashline::line::detail
