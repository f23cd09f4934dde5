#include "flasher/engine/engine.h"

#include <algorithm>
#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fcntl.h>
#include <future>
#include <set>
#include <thread>

#include "flasher/engine/detail/board_run.h"
#include "flasher/engine/detail/chunk_cache.h"
#include "flasher/engine/detail/image_state.h"
#include "flasher/engine/detail/scratch.h"
#include "flasher/engine/detail/spool.h"
#include "flasher/engine/detail/worker_pool.h"
#include "imaging/core/digest.h"
#include "imaging/core/errors/device.h"
#include "transport/block/io_ring.h"

namespace flashline::line {
namespace {

using detail::ContentMap;

constexpr std::size_t read_lanes = 2;
constexpr std::size_t most_write_lanes = 4;
/// Buffers that are left when every slot has all its writes in flight.
constexpr std::size_t spare_buffers = 8;
/// How long a stopping engine waits for runs that stop between two operations.
constexpr std::chrono::seconds stop_time{10};

std::size_t write_lanes_for(std::size_t buffers, std::size_t slots) {
  const std::size_t share = (buffers - std::min(buffers, spare_buffers)) / std::max<std::size_t>(slots, 1);
  return std::clamp<std::size_t>(share, 2, most_write_lanes);
}

/// Content that only a hash table names: the digest of that table.
std::optional<Sha256> digest_of(const imaging::HashTable& hashes) {
  if (!hashes.digests || hashes.digests->empty()) return std::nullopt;
  return sha256(std::as_bytes(std::span{*hashes.digests}));
}

}  // namespace

class Engine::Core {
 public:
  explicit Core(EngineOptions options)
      : options_{std::move(options)}, hash_pool_{hash_threads()}, blocking_pool_{2}, guard_{context_.get_executor()} {}

  Status start() {
    const std::size_t cache = std::max<std::size_t>(options_.cache.value / ContentMap::cell_size, 4);
    const std::size_t scratch_bytes = options_.slots * read_lanes * detail::scratch_size;
    const std::size_t scratch = (scratch_bytes + ContentMap::cell_size - 1) / ContentMap::cell_size;
    FL_TRY(ring_, transport::IoRing::create(context_.get_executor(), {.buffer_count = cache + scratch,
                                                                      .buffer_size = ContentMap::cell_size,
                                                                      .force_threads = options_.force_threads}));
    std::vector<transport::IoBuffer> cells;
    for (std::size_t i = 0; i < cache; ++i) cells.push_back(ring_->buffer(static_cast<int>(i)));
    cache_.emplace(*ring_, std::move(cells),
                   detail::ChunkCache::Options{.patience = options_.patience, .hash_pool = hash_pool_.get_executor()});
    scratch_.emplace(scratch_parts(cache, scratch));
    context_for_runs_ = {.executor = context_.get_executor(),
                         .blocking = blocking_pool_.get_executor(),
                         .cache = &*cache_,
                         .scratch = &*scratch_,
                         .stall = options_.stall,
                         .write_lanes = write_lanes_for(cache, options_.slots),
                         .read_lanes = read_lanes};
    if (!options_.spool_folder.empty()) detail::remove_abandoned_spools(options_.spool_folder);
    thread_ = std::thread{[this] { context_.run(); }};
    return {};
  }

  ~Core() {
    if (!thread_.joinable()) return;
    stop_runs();
    // The ring goes first: it takes back from the kernel what the frames that end below still hold.
    std::promise<void> gone;
    asio::post(context_, [&] {
      ring_.reset();
      gone.set_value();
    });
    gone.get_future().wait();
    context_.stop();
    thread_.join();
    hash_pool_.join();
    blocking_pool_.join();
  }

  asio::any_io_executor executor() { return context_.get_executor(); }
  asio::any_io_executor blocking() { return blocking_pool_.get_executor(); }
  transport::IoRing& ring() { return *ring_; }

  EngineMetrics metrics() {
    std::promise<EngineMetrics> answer;
    asio::dispatch(context_, [&] { answer.set_value(cache_->metrics()); });
    return answer.get_future().get();
  }

  asio::awaitable<RunReport> run(RunRequest request) {
    if (!request.control) request.control = std::make_shared<RunControl>();
    const auto control = request.control;
    running_.insert(control);
    if (stopping_) control->cancel();
    RunReport report = co_await detail::run_board(context_for_runs_, std::move(request));
    running_.erase(control);
    if (stopping_ && running_.empty()) all_stopped_.set_value();
    co_return report;
  }

  asio::awaitable<Result<std::shared_ptr<LoadedImage>>> load(imaging::OpenedImage image, std::filesystem::path path) {
    auto state = std::make_shared<detail::ImageState>();
    state->id = ++last_image_;
    if (image.content.stream) FL_CO_CHECK(co_await spool(image, *state, path));
    std::optional<ByteCount> size = image.content.size;
    state->file = std::move(image.content.file);
    state->facts = std::move(image.facts);
    state->stores = std::move(image.stores);
    ::posix_fadvise(state->fd(), 0, 0, POSIX_FADV_SEQUENTIAL);
    FL_CO_TRY(state->map, ContentMap::of(state->stores, size));
    state->pieces = state->map.pieces().size();
    if (!state->facts.digest) state->facts.digest = digest_of(state->map.hashes());
    co_return std::make_shared<LoadedImage>(std::move(state));
  }

 private:
  unsigned hash_threads() const {
    if (options_.hash_threads != 0) return options_.hash_threads;
    return std::clamp(std::thread::hardware_concurrency(), 1U, 2U);
  }

  std::vector<transport::IoBuffer> scratch_parts(std::size_t first, std::size_t count) const {
    std::vector<transport::IoBuffer> parts;
    for (std::size_t i = first; i < first + count; ++i) {
      for (std::uint64_t at = 0; at < ContentMap::cell_size; at += detail::scratch_size) {
        parts.push_back(ring_->buffer(static_cast<int>(i)).part(at, detail::scratch_size));
      }
    }
    return parts;
  }

  asio::awaitable<Status> spool(imaging::OpenedImage& image, detail::ImageState& state,
                                const std::filesystem::path& path) {
    if (options_.spool_folder.empty()) co_return fail(errc::spool_space, "there is no cache folder");
    const auto executor = context_.get_executor();
    const bool checked_at_end = image.content.checked_at_end;
    FL_CO_TRY(state.spool, co_await detail::on_pool(blocking(), [&] {
                return detail::Spool::open(options_.spool_folder, path, std::move(image.content), executor);
              }));
    if (image.stores.empty() || !image.content.size || checked_at_end) {
      FL_CO_TRY(image.content.size, co_await state.spool->wait_complete());
    }
    if (image.stores.empty()) {
      FL_CO_CHECK(co_await detail::on_pool(blocking(), [&] { return plan_spooled(image, state.spool->fd()); }));
    }
    // Where nobody vouches for the content, the spool still has to give back what the decompressor gave.
    for (auto& store : image.stores) {
      if (!store.plan.hashes.digests || store.plan.hashes.digests->empty()) store.plan.hashes = state.spool->digests();
    }
    co_return Status{};
  }

  void stop_runs() {
    auto stopped = all_stopped_.get_future();
    asio::post(context_, [this] {
      stopping_ = true;
      for (const auto& control : running_) control->cancel();
      if (running_.empty()) all_stopped_.set_value();
    });
    stopped.wait_for(stop_time);
  }

  EngineOptions options_;
  std::optional<detail::ScratchPool> scratch_;
  std::optional<detail::ChunkCache> cache_;
  asio::thread_pool hash_pool_;
  asio::thread_pool blocking_pool_;
  // Its frames use all of the above until it is gone; the ring needs it and goes by hand.
  asio::io_context context_{1};
  std::unique_ptr<transport::IoRing> ring_;
  asio::executor_work_guard<asio::io_context::executor_type> guard_;
  detail::RunContext context_for_runs_;
  std::uint64_t last_image_ = 0;
  std::set<std::shared_ptr<RunControl>> running_;
  bool stopping_ = false;
  std::promise<void> all_stopped_;
  std::thread thread_;
};

Engine::Engine(std::unique_ptr<Core> core) : core_{std::move(core)} {}
Engine::~Engine() = default;

Result<std::unique_ptr<Engine>> Engine::create(EngineOptions options) {
  auto core = std::make_unique<Core>(std::move(options));
  FL_CHECK(core->start());
  return std::unique_ptr<Engine>{new Engine{std::move(core)}};
}

asio::any_io_executor Engine::executor() const { return core_->executor(); }
asio::any_io_executor Engine::blocking() const { return core_->blocking(); }
transport::IoRing& Engine::ring() { return core_->ring(); }
EngineMetrics Engine::metrics() const { return core_->metrics(); }

asio::awaitable<Result<std::shared_ptr<LoadedImage>>> Engine::load(imaging::OpenedImage image,
                                                                   std::filesystem::path path) {
  return asio::co_spawn(core_->executor(), core_->load(std::move(image), std::move(path)), asio::use_awaitable);
}

asio::awaitable<RunReport> Engine::run(RunRequest request) {
  return asio::co_spawn(core_->executor(), core_->run(std::move(request)), asio::use_awaitable);
}

}  // namespace flashline::line
