#pragma once
// What an IoRing hands to the kernel or to a thread. Nobody outside of io_ring.cpp and its two back ends includes this.

#include <atomic>
#include <boost/asio/cancellation_signal.hpp>
#include <cstdint>
#include <functional>

#include "transport/block/io_ring.h"

namespace flashline::transport::detail {

/// One operation, in an intrusive list. Its address is its name in the kernel.
struct IoOp {
  enum class Kind : std::uint8_t { read, write, sync, call };

  Kind kind = Kind::read;
  int fd = -1;
  ByteOffset at;
  IoBuffer memory;
  std::move_only_function<std::int64_t()> work;
  std::move_only_function<void(IoResult)> done;
  asio::cancellation_slot cancel_slot;
  std::atomic<bool> cancel_wanted = false;
  std::int64_t result = 0;
  std::size_t place = 0;  ///< among the submitted ones
  IoOp* next = nullptr;
};

/// First in, first out; owns nothing.
class IoOpList {
 public:
  bool empty() const { return first_ == nullptr; }

  void push(IoOp& op) {
    op.next = nullptr;
    (first_ == nullptr ? first_ : last_->next) = &op;
    last_ = &op;
  }

  IoOp* pop() {
    IoOp* const op = first_;
    if (op != nullptr) first_ = op->next;
    return op;
  }

  bool remove(IoOp& op) {
    IoOpList kept;
    bool found = false;
    while (IoOp* const each = pop()) {
      if (each == &op) {
        found = true;
      } else {
        kept.push(*each);
      }
    }
    *this = kept;
    return found;
  }

 private:
  IoOp* first_ = nullptr;
  IoOp* last_ = nullptr;
};

}  // namespace flashline::transport::detail
