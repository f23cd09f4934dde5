#include "flasher/engine/detail/chunk_cache.h"

#include <algorithm>
#include <cassert>
#include <string>
#include <system_error>
#include <utility>

#include "flasher/engine/detail/worker_pool.h"
#include "imaging/core/errors/image.h"

namespace flashline::line::detail {
namespace {

/// What boards lose to each other is forgiven at this share of the time that passes: they never step quite together.
constexpr int forgiven_share = 200;
/// A medium that takes a piece in this much more time than another one's is slower.
constexpr double slower = 1.03;
/// A board joins the others while their first is not further than this share of the cache.
constexpr std::size_t join_share = 2;

}  // namespace

struct ChunkCache::Load {
  Signal done;
  std::size_t waiting = 0;
  bool kept = false;
  Chunk* chunk = nullptr;
  std::optional<Error> error;
};

ChunkRef::ChunkRef(Reader& reader, Chunk& chunk) : reader_{&reader}, chunk_{&chunk} { reader.took(); }

ChunkRef::~ChunkRef() {
  if (chunk_ == nullptr) return;
  reader_->gave_back();
  reader_->cache_.release(*chunk_);
}

Reader::Reader(ChunkCache& cache, std::uint64_t image) : cache_{cache}, image_{image} { cache_.enter(*this); }

Reader::~Reader() {
  std::erase(cache_.readers_, this);
  cache_.freed_.notify();
}

void Reader::took() {
  if (holding_++ == 0) busy_since_ = last_done_ = Clock::now();
}

void Reader::gave_back() {
  last_done_ = Clock::now();
  ++done_;
  if (--holding_ == 0) busy_ += last_done_ - busy_since_;
}

/// By what the medium took so far, or because it has not answered for as long as one bears with it. Time without
/// anything held is not the medium's.
bool Reader::is_slower_than(const Reader& other, std::chrono::milliseconds patience) const {
  const auto now = Clock::now();
  if (holding_ > 0 && now - last_done_ >= patience) return true;
  const auto per_piece = [now](const Reader& reader) {
    const auto busy = reader.busy_ + (reader.holding_ > 0 ? now - reader.busy_since_ : Clock::duration{});
    return static_cast<double>(busy.count()) / static_cast<double>(std::max<std::uint64_t>(reader.done_, 1));
  };
  return per_piece(*this) > slower * per_piece(other);
}

void Reader::leave() {
  attached_ = false;
  cache_.freed_.notify();
}

void Reader::move_to(Rank rank) {
  if (rank == rank_) return;
  rank_ = rank;
  if (attached_) cache_.freed_.notify();
}

ChunkCache::ChunkCache(transport::IoRing& ring, std::vector<transport::IoBuffer> buffers, Options options)
    : ring_{ring}, options_{std::move(options)}, buffers_{buffers.size()} {
  for (const auto& buffer : buffers)
    free_.push_back(&chunks_.emplace_back(Chunk{.piece = {}, .rank = {}, .buffer = buffer, .start = {}}));
  metrics_.buffers = buffers_;
}

ChunkCache::~ChunkCache() = default;

void ChunkCache::enter(Reader& reader) {
  std::uint64_t first = 0;
  for (const auto* other : readers_) {
    if (other->image_ == reader.image_ && other->attached_) first = std::max(first, other->pieces_);
  }
  reader.attached_ = first < buffers_ / join_share;
  if (!reader.attached_) ++metrics_.detached;
  readers_.push_back(&reader);
}

asio::awaitable<Result<ChunkRef>> ChunkCache::acquire(Reader& reader, ImageState& image, PieceKey piece) {
  ++reader.pieces_;
  const auto found = entries_.find(Name{image.id, piece});
  if (found == entries_.end()) co_return co_await load(reader, image, piece);
  ++metrics_.hits;
  if (found->second.load) co_return co_await join(reader, found->second.load);
  Chunk& chunk = *found->second.chunk;
  if (chunk.held++ == 0) idle_.remove(&chunk);
  chunk.kept |= reader.attached_;
  co_return ChunkRef{reader, chunk};
}

asio::awaitable<Result<ChunkRef>> ChunkCache::join(Reader& reader, std::shared_ptr<Load> load) {
  ++load->waiting;
  load->kept |= reader.attached_;
  while (load->chunk == nullptr && !load->error) co_await load->done.wait();
  if (load->error) co_return std::unexpected{*load->error};
  co_return ChunkRef{reader, *load->chunk};  // held for us since the load was done
}

asio::awaitable<Result<ChunkRef>> ChunkCache::load(Reader& reader, ImageState& image, PieceKey piece) {
  const Name name{image.id, piece};
  const auto load = std::make_shared<Load>();
  entries_[name].load = load;
  ++metrics_.loads;
  Chunk& chunk = *co_await take_buffer(reader, piece.cell);
  chunk.image = image.id;
  chunk.piece = piece;
  chunk.rank = {reader.rank_.stage, piece.cell};
  chunk.start = image.map.start_of(piece.cell);
  auto segments = image.map.segments(piece);
  Status status = co_await fill(image, chunk, segments);
  if (status) {
    auto checked = co_await check(image, chunk, std::move(segments));
    if (checked) {
      image.digests.note(piece, *checked);
      image.note_if_all_pinned();
      metrics_.bytes_hashed += checked->hashed;
    } else {
      status = std::unexpected{std::move(checked).error()};
    }
  }
  if (!status) {
    if (image.spool && status.error().code == errc::chunk_hash) image.spool->distrust();
    load->error = status.error();
    load->done.notify();
    entries_.erase(name);
    free_up(chunk);
    co_return std::unexpected{std::move(status).error()};
  }
  load->chunk = &chunk;
  chunk.kept = reader.attached_ || load->kept;
  chunk.held = 1 + load->waiting;
  entries_[name] = Entry{.chunk = &chunk, .load = nullptr};
  load->done.notify();
  co_return ChunkRef{reader, chunk};
}

asio::awaitable<Status> ChunkCache::read(ImageState& image, ByteOffset at, transport::IoBuffer into) {
  if (image.spool) FL_CO_CHECK(co_await image.spool->wait_for(ByteOffset{at.value + into.bytes.size()}));
  std::size_t done = 0;
  while (done < into.bytes.size()) {
    const ByteOffset from{at.value + done};
    const auto got = co_await ring_.read(image.fd(), from, into.part(done, into.bytes.size() - done));
    if (!got.ok())
      co_return fail(errc::image_read, "reading at offset " + std::to_string(from.value) + ": " +
                                           std::generic_category().message(got.error()));
    if (got.bytes() == 0) co_return fail(errc::truncated, "the content ends at offset " + std::to_string(from.value));
    done += got.bytes();
  }
  metrics_.bytes_read += done;
  co_return Status{};
}

asio::awaitable<Status> ChunkCache::fill(ImageState& image, Chunk& chunk,
                                         const std::vector<imaging::Extent>& segments) {
  if (image.map.has_large_units()) FL_CO_CHECK(co_await pin_large_unit(image, chunk));
  for (const auto& segment : segments) {
    const auto into = chunk.buffer.part(segment.at.value - chunk.start.value, segment.length.value);
    FL_CO_CHECK(co_await read(image, segment.at, into));
  }
  co_return Status{};
}

asio::awaitable<Result<CheckedPiece>> ChunkCache::check(ImageState& image, Chunk& chunk,
                                                        std::vector<imaging::Extent> segments) {
  PieceCheck piece{.cell = chunk.buffer.bytes,
                   .start = chunk.start,
                   .segments = std::move(segments),
                   .hashes = image.map.hashes(),
                   .pin = image.digests.pin(chunk.piece),
                   .granule = image.map.granule(),
                   .granule_base = image.map.granule_base()};
  co_return co_await on_pool(options_.hash_pool, [piece = std::move(piece)] { return check_piece(piece); });
}

asio::awaitable<Status> ChunkCache::pin_large_unit(ImageState& image, Chunk& chunk) {
  while (pinning_) co_await pinned_.wait();
  if (image.digests.pin(chunk.piece)) co_return Status{};
  pinning_ = true;
  Status status = co_await pin_unit_of(image, chunk);
  pinning_ = false;
  pinned_.notify();
  co_return status;
}

asio::awaitable<Status> ChunkCache::pin_unit_of(ImageState& image, Chunk& chunk) {
  const auto& hashes = image.map.hashes();
  const std::uint64_t origin = hashes.origin.value;
  const std::uint64_t number = (chunk.start.value - origin) / hashes.unit;
  const std::uint64_t from = origin + number * hashes.unit;
  std::uint64_t to = from + hashes.unit;
  if (image.map.content_size()) to = std::min(to, image.map.content_size()->value);
  std::vector<std::pair<PieceKey, Sha256>> pins;
  Sha256Stream unit;
  for (std::uint64_t at = from; at < to; at += ContentMap::cell_size) {
    const auto cell = chunk.buffer.part(0, std::min(ContentMap::cell_size, to - at));
    FL_CO_CHECK(co_await read(image, ByteOffset{at}, cell));
    co_await on_pool(options_.hash_pool, [&] {
      unit.update(cell.bytes);
      for (const bool table : {false, true}) {
        const PieceKey piece = image.map.piece_of(ByteOffset{at}, table);
        Sha256Stream pin;
        for (const auto& segment : image.map.segments(piece)) {
          pin.update(cell.bytes.subspan(segment.at.value - at, segment.length.value));
        }
        pins.emplace_back(piece, pin.finish());
      }
      return true;
    });
    metrics_.bytes_hashed += cell.bytes.size();
  }
  if (unit.finish() != (*hashes.digests)[number]) {
    co_return fail(errc::chunk_hash, "hash unit " + std::to_string(number) + " at offset " + std::to_string(from) +
                                         " does not match its digest");
  }
  for (const auto& [piece, digest] : pins) image.digests.set_pin(piece, digest);
  co_return Status{};
}

asio::awaitable<Chunk*> ChunkCache::take_buffer(Reader& reader, std::uint64_t cell) {
  for (;;) {
    Chunk* chunk = free_or_evicted();
    if (chunk == nullptr && reader.attached_) chunk = furthest_after(reader, cell);
    if (chunk != nullptr) {
      const std::size_t used = buffers_ - free_.size() - idle_.size();
      metrics_.buffers_held = std::max(metrics_.buffers_held, used);
      co_return chunk;
    }
    account();
    if (lost_ >= options_.patience && split()) continue;
    co_await wait_for_buffer(reader);
  }
}

asio::awaitable<void> ChunkCache::wait_for_buffer(Reader& reader) {
  const bool waits_for_a_board = std::ranges::any_of(readers_, [&](const Reader* each) { return holds_up(*each); });
  ++reader.waiting_;
  account();
  co_await freed_.wait(waits_for_a_board ? Clock::now() + options_.patience / 4 : Clock::time_point::max());
  account();
  --reader.waiting_;
}

/// Sums up for how long at least one board had nothing to write, because of the others.
void ChunkCache::account() {
  const auto now = Clock::now();
  const auto passed = now - accounted_;
  if (starving_) lost_ += passed;
  lost_ = std::max(lost_ - passed / forgiven_share, Clock::duration{});
  accounted_ = now;
  starving_ = std::ranges::any_of(readers_, [](const Reader* reader) { return reader->starves(); });
}

Chunk* ChunkCache::free_or_evicted() {
  if (!free_.empty()) {
    Chunk* const chunk = free_.back();
    free_.pop_back();
    return chunk;
  }
  const auto victim = std::ranges::find_if(idle_, [&](const Chunk* chunk) { return !is_needed(*chunk); });
  if (victim == idle_.end()) return nullptr;
  Chunk* const chunk = *victim;
  evict(*chunk);
  return chunk;
}

/// What is kept for later than `cell`, the latest of it: it is better loaded again than to have this board wait.
Chunk* ChunkCache::furthest_after(const Reader& reader, std::uint64_t cell) {
  const auto latest = std::ranges::max_element(
      idle_, {}, [&](const Chunk* chunk) { return chunk->image == reader.image_ ? chunk->rank : Rank{}; });
  if (latest == idle_.end() || (*latest)->image != reader.image_) return nullptr;
  if ((*latest)->rank <= Rank{reader.rank_.stage, cell}) return nullptr;
  Chunk* const chunk = *latest;
  evict(*chunk);
  return chunk;
}

void ChunkCache::evict(Chunk& chunk) {
  idle_.remove(&chunk);
  entries_.erase(Name{chunk.image, chunk.piece});
}

bool ChunkCache::is_needed(const Chunk& chunk) const {
  return chunk.kept && std::ranges::any_of(readers_, [&](const Reader* reader) {
           return reader->attached_ && reader->image_ == chunk.image && chunk.rank >= reader->rank_;
         });
}

/// Whether something that nobody holds is kept for `reader`.
bool ChunkCache::holds_up(const Reader& reader) const {
  return reader.attached_ && std::ranges::any_of(idle_, [&](const Chunk* chunk) {
           return chunk->kept && chunk->image == reader.image_ && chunk->rank >= reader.rank_;
         });
}

/// Parts the boards that drifted apart: those behind the middle from those before it, and detaches the fewer. Not where
/// the last one's medium is as fast as that of those who starve: then something else holds it up.
bool ChunkCache::split() {
  const auto had = [](const Reader* reader) { return reader->pieces_; };
  std::vector<Reader*> behind;
  std::ranges::copy_if(readers_, std::back_inserter(behind), [&](const Reader* each) { return holds_up(*each); });
  if (behind.empty()) return false;
  const Reader& last = **std::ranges::min_element(behind, {}, had);
  const bool is_slow = std::ranges::any_of(readers_, [&](const Reader* each) {
    return each != &last && each->starves() && last.is_slower_than(*each, options_.patience);
  });
  if (!is_slow) return false;
  std::vector<Reader*> together;
  std::ranges::copy_if(readers_, std::back_inserter(together),
                       [&](const Reader* each) { return each->attached_ && each->image_ == last.image_; });
  const std::uint64_t middle = (last.pieces_ + (*std::ranges::max_element(together, {}, had))->pieces_) / 2;
  const auto ahead = std::ranges::partition(together, [&](const Reader* each) { return each->pieces_ <= middle; });
  const bool detach_ahead = !ahead.empty() && ahead.size() < together.size() - ahead.size();
  const std::span detached =
      detach_ahead ? std::span{ahead.begin(), ahead.end()} : std::span{together.begin(), ahead.begin()};
  for (auto* const reader : detached) reader->attached_ = false;
  metrics_.detached += detached.size();
  if (detach_ahead) give_up_newest();
  lost_ = {};
  freed_.notify();
  return true;
}

/// The boards behind will load the second half of what is there for themselves.
void ChunkCache::give_up_newest() {
  std::vector<Chunk*> newest{idle_.begin(), idle_.end()};
  std::ranges::sort(newest, std::greater{}, &Chunk::rank);
  newest.resize((newest.size() + 1) / 2);
  for (auto* const chunk : newest) chunk->kept = false;
}

void ChunkCache::release(Chunk& chunk) {
  assert(chunk.held > 0);
  if (--chunk.held > 0) return;
  idle_.push_back(&chunk);
  freed_.notify();
}

void ChunkCache::free_up(Chunk& chunk) {
  free_.push_back(&chunk);
  freed_.notify();
}

}  // namespace flashline::line::detail
