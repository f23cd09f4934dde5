#include "transport/block/detail/uring_queue.h"

#include <cerrno>
#include <cstring>
#include <liburing.h>
#include <limits>
#include <vector>

namespace flashline::transport::detail {
namespace {

// 16 slots of depth 4 fit many times; what does not fit waits in line.
constexpr unsigned submission_entries = 256;
constexpr unsigned completion_entries = 1024;

/// The completion of a cancel request itself carries no operation.
constexpr std::uint64_t no_op = 0;

unsigned io_length(const IoOp& op) {
  // The kernel takes 32 bits; longer operations come back short and are continued by their caller.
  constexpr std::size_t most = std::size_t{1} << 30;
  return static_cast<unsigned>(std::min(op.memory.bytes.size(), most));
}

}  // namespace

struct UringQueue::Ring {
  io_uring ring{};
  std::span<std::byte> memory;
  std::size_t buffer_size = 0;
  bool registered = false;
  std::size_t in_kernel = 0;  // completions to come, cancel requests included
  IoOpList waiting;
  std::vector<IoOp*> submitted;
  bool live = false;

  ~Ring() {
    if (live) io_uring_queue_exit(&ring);
  }

  int setup() {
    // COOP_TASKRUN (Linux 5.19) spares interrupts; older kernels refuse the flag, not the ring.
    for (const unsigned flags : {IORING_SETUP_COOP_TASKRUN, 0U}) {
      io_uring_params params{};
      params.flags = flags | IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP;
      params.cq_entries = completion_entries;
      const int status = io_uring_queue_init_params(submission_entries, &ring, &params);
      live = status == 0;
      if (status != -EINVAL) return status;
    }
    return -EINVAL;
  }

  int register_buffers() {
    std::vector<iovec> each;
    for (std::size_t at = 0; at + buffer_size <= memory.size() && buffer_size != 0; at += buffer_size) {
      each.push_back({memory.data() + at, buffer_size});
    }
    return each.empty() ? 0 : io_uring_register_buffers(&ring, each.data(), static_cast<unsigned>(each.size()));
  }

  // A buffer of another ring may carry a number that means something else here.
  bool is_ours(const IoBuffer& buffer) const {
    if (!registered || buffer.slot < 0) return false;
    const std::byte* const start = memory.data() + static_cast<std::size_t>(buffer.slot) * buffer_size;
    return buffer.bytes.data() >= start && buffer.bytes.data() + buffer.bytes.size() <= start + buffer_size;
  }

  void fill(io_uring_sqe* sqe, IoOp& op) const {
    const bool fixed = is_ours(op.memory);
    const auto length = io_length(op);
    if (op.kind == IoOp::Kind::sync) {
      io_uring_prep_fsync(sqe, op.fd, IORING_FSYNC_DATASYNC);
    } else if (op.kind == IoOp::Kind::read && fixed) {
      io_uring_prep_read_fixed(sqe, op.fd, op.memory.bytes.data(), length, op.at.value, op.memory.slot);
    } else if (op.kind == IoOp::Kind::read) {
      io_uring_prep_read(sqe, op.fd, op.memory.bytes.data(), length, op.at.value);
    } else if (fixed) {
      io_uring_prep_write_fixed(sqe, op.fd, op.memory.bytes.data(), length, op.at.value, op.memory.slot);
    } else {
      io_uring_prep_write(sqe, op.fd, op.memory.bytes.data(), length, op.at.value);
    }
    io_uring_sqe_set_data(sqe, &op);
  }

  void note_submitted(IoOp& op) {
    op.place = submitted.size();
    submitted.push_back(&op);
    ++in_kernel;
  }

  void note_completed(IoOp& op) {
    submitted.back()->place = op.place;
    submitted[op.place] = submitted.back();
    submitted.pop_back();
  }

  bool has_room() const { return in_kernel < completion_entries; }

  io_uring_sqe* entry() {
    if (io_uring_sqe* const sqe = io_uring_get_sqe(&ring)) return sqe;
    io_uring_submit(&ring);
    return io_uring_get_sqe(&ring);
  }

  void ask_to_cancel(IoOp& op) {
    io_uring_sqe* const sqe = entry();
    if (sqe == nullptr) return;
    io_uring_prep_cancel(sqe, &op, 0);
    io_uring_sqe_set_data64(sqe, no_op);
    ++in_kernel;
  }
};

UringQueue::UringQueue(std::unique_ptr<Ring> ring) : ring_{std::move(ring)} {}
UringQueue::~UringQueue() = default;

std::unique_ptr<UringQueue> UringQueue::open(int wake, std::span<std::byte> memory, std::size_t buffer_size,
                                             std::string& reason) {
  auto ring = std::make_unique<Ring>();
  ring->memory = memory;
  ring->buffer_size = buffer_size;
  if (const int status = ring->setup(); status < 0) {
    reason = std::string{"io_uring is blocked: "} + std::strerror(-status);
    return nullptr;
  }
  if (const int status = io_uring_register_eventfd(&ring->ring, wake); status < 0) {
    reason = std::string{"io_uring cannot wake us: "} + std::strerror(-status);
    return nullptr;
  }
  const int status = ring->register_buffers();
  ring->registered = status == 0;
  if (status < 0) reason = std::string{"buffers cannot be registered: "} + std::strerror(-status);
  return std::unique_ptr<UringQueue>{new UringQueue{std::move(ring)}};
}

bool UringQueue::registered() const { return ring_->registered; }

void UringQueue::start(IoOp& op) { ring_->waiting.push(op); }

bool UringQueue::submit() {
  while (!ring_->waiting.empty() && ring_->has_room()) {
    io_uring_sqe* const sqe = ring_->entry();
    if (sqe == nullptr) break;
    IoOp& op = *ring_->waiting.pop();
    ring_->fill(sqe, op);
    ring_->note_submitted(op);
  }
  return io_uring_sq_ready(&ring_->ring) == 0 || io_uring_submit(&ring_->ring) >= 0;
}

void UringQueue::reap(IoOpList& done) {
  io_uring_cqe* cqe = nullptr;
  while (io_uring_peek_cqe(&ring_->ring, &cqe) == 0) {
    --ring_->in_kernel;
    if (auto* const op = static_cast<IoOp*>(io_uring_cqe_get_data(cqe))) {
      op->result = cqe->res;
      ring_->note_completed(*op);
      done.push(*op);
    }
    io_uring_cqe_seen(&ring_->ring, cqe);
  }
}

void UringQueue::cancel(IoOp& op, IoOpList& done) {
  if (ring_->waiting.remove(op)) {
    op.result = -ECANCELED;
    done.push(op);
  } else {
    ring_->ask_to_cancel(op);
  }
}

void UringQueue::close(IoOpList& done) {
  while (IoOp* const op = ring_->waiting.pop()) {
    op->result = -ECANCELED;
    done.push(*op);
  }
  for (IoOp* const op : ring_->submitted) ring_->ask_to_cancel(*op);
  while (ring_->in_kernel > 0) {
    io_uring_submit_and_wait(&ring_->ring, 1);
    reap(done);
  }
}

}  // namespace flashline::transport::detail
