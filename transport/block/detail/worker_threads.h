#pragma once
// The thread half of an IoRing: everything that blocks and has no better place.

#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "transport/block/detail/io_op.h"

namespace flashline::transport::detail {

/// Threads that are made when all others are busy, so that one device which stalls never holds up another's work.
class WorkerThreads {
 public:
  /// `wake` is the eventfd that each completion signals.
  explicit WorkerThreads(int wake) : wake_{wake} {}
  ~WorkerThreads();

  void start(IoOp& op);
  void reap(IoOpList& done);
  /// One that no thread took up yet completes with ECANCELED; a running one runs on.
  void cancel(IoOp& op);
  /// Drops what no thread took up, waits for the rest.
  void close(IoOpList& done);

 private:
  void add_thread_if_all_are_busy();
  void run();
  void complete(IoOp& op);

  int wake_;
  std::mutex mutex_;
  std::condition_variable work_or_stop_;
  IoOpList waiting_;
  IoOpList done_;
  std::size_t waiting_count_ = 0;
  std::size_t idle_ = 0;
  bool stop_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace flashline::transport::detail
