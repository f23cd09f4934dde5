#include "transport/block/detail/worker_threads.h"

#include <cerrno>
#include <sys/eventfd.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace flashline::transport::detail {
namespace {

// Sixteen slots with a few operations each in flight, twice.
constexpr std::size_t most_threads = 128;

std::int64_t perform(IoOp& op) {
  const auto at = static_cast<off_t>(op.at.value);
  const auto memory = op.memory.bytes;
  std::int64_t status = 0;
  do {
    switch (op.kind) {
      case IoOp::Kind::read:
        status = ::pread(op.fd, memory.data(), memory.size(), at);
        break;
      case IoOp::Kind::write:
        status = ::pwrite(op.fd, memory.data(), memory.size(), at);
        break;
      case IoOp::Kind::sync:
        status = ::fdatasync(op.fd);
        break;
      case IoOp::Kind::call:
        return op.work();
    }
  } while (status < 0 && errno == EINTR);
  return status < 0 ? -errno : status;
}

}  // namespace

WorkerThreads::~WorkerThreads() {
  IoOpList nobody_waits;
  close(nobody_waits);
}

void WorkerThreads::start(IoOp& op) {
  {
    const std::lock_guard lock{mutex_};
    waiting_.push(op);
    ++waiting_count_;
    add_thread_if_all_are_busy();
  }
  work_or_stop_.notify_one();
}

void WorkerThreads::add_thread_if_all_are_busy() {
  if (waiting_count_ <= idle_ || threads_.size() >= most_threads) return;
  try {
    threads_.emplace_back([this] { run(); });
  } catch (const std::system_error&) {
    if (!threads_.empty()) return;  // those that are there will come to it
    IoOp& op = *waiting_.pop();
    --waiting_count_;
    op.result = -EAGAIN;
    complete(op);
  }
}

void WorkerThreads::run() {
  std::unique_lock lock{mutex_};
  for (;;) {
    ++idle_;
    work_or_stop_.wait(lock, [this] { return stop_ || waiting_count_ > 0; });
    --idle_;
    if (waiting_count_ == 0) return;
    IoOp& op = *waiting_.pop();
    --waiting_count_;
    lock.unlock();
    const auto result = op.cancel_wanted.load() ? -ECANCELED : perform(op);
    lock.lock();
    op.result = result;
    complete(op);
  }
}

void WorkerThreads::complete(IoOp& op) {
  done_.push(op);
  // The counter cannot overflow: it is read before 2^64 completions pile up.
  std::ignore = ::eventfd_write(wake_, 1);
}

void WorkerThreads::reap(IoOpList& done) {
  const std::lock_guard lock{mutex_};
  while (IoOp* const op = done_.pop()) done.push(*op);
}

void WorkerThreads::cancel(IoOp& op) { op.cancel_wanted.store(true); }

void WorkerThreads::close(IoOpList& done) {
  {
    const std::lock_guard lock{mutex_};
    stop_ = true;
    while (IoOp* const op = waiting_.pop()) {
      op->result = -ECANCELED;
      done_.push(*op);
    }
    waiting_count_ = 0;
  }
  work_or_stop_.notify_all();
  for (auto& thread : threads_) thread.join();
  threads_.clear();
  reap(done);
}

}  // namespace flashline::transport::detail
