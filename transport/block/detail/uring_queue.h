#pragma once
// The io_uring half of an IoRing.

#include <memory>
#include <span>
#include <string>

#include "transport/block/detail/io_op.h"

namespace flashline::transport::detail {

/// Queue in front of one io_uring. One thread.
class UringQueue {
 public:
  /// nullptr where the kernel refuses; `reason` says why. `wake` is the eventfd that completions signal.
  /// `memory` is cut into buffers of `buffer_size`, which are registered if the limit on locked memory allows.
  static std::unique_ptr<UringQueue> open(int wake, std::span<std::byte> memory, std::size_t buffer_size,
                                          std::string& reason);
  ~UringQueue();

  bool registered() const;
  /// Queues; nothing reaches the kernel before submit().
  void start(IoOp& op);
  /// Hands over what fits. False: the kernel has no room now, call again later.
  bool submit();
  /// Moves what completed to `done`.
  void reap(IoOpList& done);
  /// Asks the kernel to drop `op`; one that was never submitted goes to `done` at once.
  void cancel(IoOp& op, IoOpList& done);
  /// Drops what was not submitted and waits until the kernel let go of all else.
  void close(IoOpList& done);

 private:
  struct Ring;
  explicit UringQueue(std::unique_ptr<Ring> ring);
  std::unique_ptr<Ring> ring_;
};

}  // namespace flashline::transport::detail
