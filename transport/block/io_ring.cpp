#include "transport/block/io_ring.h"

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <deque>
#include <string>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <tuple>
#include <unistd.h>

#include "imaging/core/errors/device.h"
#include "transport/block/detail/io_op.h"
#include "transport/block/detail/uring_queue.h"
#include "transport/block/detail/worker_threads.h"

namespace flashline::transport {
namespace {

constexpr std::size_t huge_page = 2_MiB;
constexpr std::size_t io_alignment = 4096;

/// One anonymous mapping that starts at a huge page's border.
class BufferMemory {
 public:
  BufferMemory() = default;
  BufferMemory(BufferMemory&& other) noexcept { std::swap(mapped_, other.mapped_), std::swap(used_, other.used_); }
  BufferMemory& operator=(BufferMemory&&) = delete;
  ~BufferMemory() {
    if (!mapped_.empty()) ::munmap(mapped_.data(), mapped_.size());
  }

  static Result<BufferMemory> map(std::size_t size) {
    BufferMemory memory;
    if (size == 0) return memory;
    const std::size_t room = size + huge_page;
    void* const start = ::mmap(nullptr, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (start == MAP_FAILED) {
      return fail(errc::io_setup, std::to_string(size) + " bytes of buffers: " + std::strerror(errno));
    }
    memory.mapped_ = {static_cast<std::byte*>(start), room};
    const auto past_border = reinterpret_cast<std::uintptr_t>(start) % huge_page;
    memory.used_ = memory.mapped_.subspan(past_border == 0 ? 0 : huge_page - past_border, size);
    ::madvise(memory.used_.data(), size, MADV_HUGEPAGE);
    return memory;
  }

  std::span<std::byte> bytes() const { return used_; }

 private:
  std::span<std::byte> mapped_;
  std::span<std::byte> used_;
};

}  // namespace

class IoRing::Core : public std::enable_shared_from_this<Core> {
 public:
  Core(asio::any_io_executor executor, BufferMemory memory, Options options, int wake)
      : executor_{std::move(executor)},
        wake_{executor_, wake},
        memory_{std::move(memory)},
        options_{options},
        workers_{wake} {
    if (options_.force_threads) {
      reason_ = "threads were asked for";
    } else {
      uring_ = detail::UringQueue::open(wake, memory_.bytes(), options_.buffer_size, reason_);
    }
  }

  std::string_view path() const {
    if (uring_ == nullptr) return "threads";
    return uring_->registered() ? "io_uring" : "io_uring without registered buffers";
  }
  std::string_view reason() const { return reason_; }
  const Options& options() const { return options_; }

  IoBuffer buffer(int slot) const {
    assert(slot >= 0 && static_cast<std::size_t>(slot) < options_.buffer_count);
    const auto start = static_cast<std::size_t>(slot) * options_.buffer_size;
    return {memory_.bytes().subspan(start, options_.buffer_size), slot};
  }

  detail::IoOp& new_op(detail::IoOp::Kind kind, int fd, ByteOffset at, IoBuffer memory) {
    detail::IoOp* op = free_.pop();
    if (op == nullptr) op = &ops_.emplace_back();
    op->kind = kind;
    op->fd = fd;
    op->at = at;
    op->memory = memory;
    op->cancel_wanted.store(false);
    return *op;
  }

  template <class Handler>
  void start(detail::IoOp& op, Handler handler) {
    op.cancel_slot = asio::get_associated_cancellation_slot(handler);
    if (op.cancel_slot.is_connected()) {
      op.cancel_slot.assign([this, &op](asio::cancellation_type) { cancel(op); });
    }
    auto executor = asio::get_associated_executor(handler, executor_);
    op.done = [executor = std::move(executor), handler = std::move(handler)](IoResult result) mutable {
      asio::dispatch(executor, [handler = std::move(handler), result]() mutable { std::move(handler)(result); });
    };
    ++in_flight_;
    if (closed_) return refuse(op);
    wait_for_wake();
    if (!goes_to_kernel(op)) {
      workers_.start(op);
    } else {
      uring_->start(op);
      submit_at_end_of_turn();
    }
  }

  void close() {
    closed_ = true;
    boost::system::error_code ignored;
    std::ignore = wake_.cancel(ignored);
    detail::IoOpList done;
    if (uring_ != nullptr) uring_->close(done);
    workers_.close(done);
    while (detail::IoOp* const op = done.pop()) post_completion(*op);
    std::ignore = wake_.close(ignored);
  }

 private:
  bool goes_to_kernel(const detail::IoOp& op) const { return uring_ != nullptr && op.kind != detail::IoOp::Kind::call; }

  // Everything that the handlers of this turn start goes to the kernel together.
  void submit_at_end_of_turn() {
    if (submit_posted_ || closed_) return;
    submit_posted_ = true;
    asio::post(executor_, [self = shared_from_this()] {
      self->submit_posted_ = false;
      if (self->closed_ || self->uring_ == nullptr) return;
      if (!self->uring_->submit()) self->submit_at_end_of_turn();
    });
  }

  // Armed only while something is in flight, so that an idle ring does not keep its executor's run() alive.
  void wait_for_wake() {
    if (waiting_ || closed_ || in_flight_ == 0) return;
    waiting_ = true;
    wake_.async_wait(asio::posix::stream_descriptor::wait_read,
                     [self = shared_from_this()](boost::system::error_code) { self->on_wake(); });
  }

  void on_wake() {
    waiting_ = false;
    if (closed_) return;
    eventfd_t ignored = 0;
    std::ignore = ::eventfd_read(wake_.native_handle(), &ignored);
    detail::IoOpList done;
    if (uring_ != nullptr) uring_->reap(done);
    workers_.reap(done);
    complete_all(done);
    if (closed_) return;
    if (uring_ != nullptr) submit_at_end_of_turn();  // what had to wait for room
    wait_for_wake();
  }

  // A handler may start operations or even destroy the ring: nothing of an operation is used after it was freed.
  void complete_all(detail::IoOpList& done) {
    while (detail::IoOp* const op = done.pop()) {
      const IoResult result{op->result};
      release (*op)(result);
    }
  }

  std::move_only_function<void(IoResult)> release(detail::IoOp& op) {
    op.cancel_slot.clear();
    op.work = nullptr;
    --in_flight_;
    free_.push(op);
    return std::exchange(op.done, nullptr);
  }

  void cancel(detail::IoOp& op) {
    if (!goes_to_kernel(op)) return workers_.cancel(op);
    detail::IoOpList done;
    uring_->cancel(op, done);
    submit_at_end_of_turn();
    if (detail::IoOp* const dropped = done.pop()) post_completion(*dropped);
  }

  // An awaitable that was made before the ring was closed and is awaited after it.
  void refuse(detail::IoOp& op) {
    op.result = -ECANCELED;
    post_completion(op);
  }

  // For places whose caller does not expect handlers to run before it returns. The handler leaves the operation now: a
  // coroutine holds this core, so a core that held the coroutine could never be freed when the context dies first.
  void post_completion(detail::IoOp& op) {
    const IoResult result{op.result};
    asio::post(executor_, [finish = release(op), result]() mutable { finish(result); });
  }

  asio::any_io_executor executor_;
  asio::posix::stream_descriptor wake_;
  BufferMemory memory_;
  Options options_;
  std::string reason_;
  std::unique_ptr<detail::UringQueue> uring_;
  detail::WorkerThreads workers_;
  std::deque<detail::IoOp> ops_;
  detail::IoOpList free_;
  std::size_t in_flight_ = 0;
  bool submit_posted_ = false;
  bool waiting_ = false;
  bool closed_ = false;
};

IoRing::IoRing(std::shared_ptr<Core> core) : core_{std::move(core)} {}
IoRing::~IoRing() { core_->close(); }

Result<std::unique_ptr<IoRing>> IoRing::create(asio::any_io_executor executor, Options options) {
  options.buffer_size = (options.buffer_size + io_alignment - 1) / io_alignment * io_alignment;
  FL_TRY(auto memory, BufferMemory::map(options.buffer_count * options.buffer_size));
  const int wake = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (wake < 0) return fail(errc::io_setup, std::string{"eventfd: "} + std::strerror(errno));
  auto core = std::make_shared<Core>(std::move(executor), std::move(memory), options, wake);
  return std::unique_ptr<IoRing>{new IoRing{std::move(core)}};
}

std::string_view IoRing::path() const { return core_->path(); }
std::string_view IoRing::path_reason() const { return core_->reason(); }
IoBuffer IoRing::buffer(int slot) const { return core_->buffer(slot); }
std::size_t IoRing::buffer_count() const { return core_->options().buffer_count; }
std::size_t IoRing::buffer_size() const { return core_->options().buffer_size; }

namespace {

/// Starts an operation when the awaitable is awaited; the operation keeps the handler, so nothing else is allocated.
template <class Core>
asio::awaitable<IoResult> start_op(std::shared_ptr<Core> core, detail::IoOp::Kind kind, int fd, ByteOffset at,
                                   IoBuffer memory, std::move_only_function<std::int64_t()> work) {
  return asio::async_initiate<const asio::use_awaitable_t<>, void(IoResult)>(
      [core = std::move(core), kind, fd, at, memory, work = std::move(work)](auto handler) mutable {
        auto& op = core->new_op(kind, fd, at, memory);
        op.work = std::move(work);
        core->start(op, std::move(handler));
      },
      asio::use_awaitable);
}

}  // namespace

asio::awaitable<IoResult> IoRing::read(int fd, ByteOffset at, IoBuffer into) {
  return start_op(core_, detail::IoOp::Kind::read, fd, at, into, nullptr);
}

asio::awaitable<IoResult> IoRing::write(int fd, ByteOffset at, IoBuffer data) {
  return start_op(core_, detail::IoOp::Kind::write, fd, at, data, nullptr);
}

asio::awaitable<IoResult> IoRing::fsync(int fd) {
  return start_op(core_, detail::IoOp::Kind::sync, fd, ByteOffset{}, IoBuffer{}, nullptr);
}

asio::awaitable<IoResult> IoRing::call(std::move_only_function<std::int64_t()> work) {
  return start_op(core_, detail::IoOp::Kind::call, -1, ByteOffset{}, IoBuffer{}, std::move(work));
}

}  // namespace flashline::transport
