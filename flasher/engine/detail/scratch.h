#pragma once
// Small registered buffers that belong to one board at a time: read-back, and writes of what is not content.

#include <cstdlib>
#include <memory>
#include <vector>

#include "flasher/engine/detail/signal.h"
#include "imaging/core/units.h"
#include "transport/block/block_sink.h"

namespace flashline::line::detail {

/// Small enough that what was read is still in the processor's cache when it is hashed.
constexpr std::uint64_t scratch_size = 256_KiB;

/// All small buffers of the engine. Event thread.
class ScratchPool {
 public:
  explicit ScratchPool(std::vector<transport::IoBuffer> buffers) : free_{std::move(buffers)} {}

  /// One of the registered ones, or new memory where there are more boards than the engine was made for.
  transport::IoBuffer take() {
    if (free_.empty()) {
      auto& memory = extra_.emplace_back(std::aligned_alloc(4096, scratch_size));
      return {{static_cast<std::byte*>(memory.get()), scratch_size}, -1};
    }
    const auto buffer = free_.back();
    free_.pop_back();
    return buffer;
  }
  void give_back(transport::IoBuffer buffer) { free_.push_back(buffer); }

 private:
  struct Free {
    void operator()(void* memory) const { std::free(memory); }
  };
  std::vector<transport::IoBuffer> free_;
  std::vector<std::unique_ptr<void, Free>> extra_;
};

/// One board's share of it.
class ScratchSet {
 public:
  ScratchSet(ScratchPool& pool, std::size_t count) : pool_{pool} {
    for (; count > 0; --count) free_.push_back(pool_.take());
    count_ = free_.size();
  }
  ~ScratchSet() {
    for (const auto& buffer : free_) pool_.give_back(buffer);
  }
  ScratchSet(const ScratchSet&) = delete;
  ScratchSet& operator=(const ScratchSet&) = delete;

  std::size_t count() const { return count_; }
  asio::awaitable<transport::IoBuffer> take() {
    while (free_.empty()) co_await freed_.wait();
    const auto buffer = free_.back();
    free_.pop_back();
    co_return buffer;
  }
  void give_back(transport::IoBuffer buffer) {
    free_.push_back(buffer);
    freed_.notify();
  }

 private:
  ScratchPool& pool_;
  std::vector<transport::IoBuffer> free_;
  std::size_t count_ = 0;
  Signal freed_;
};

/// Holds one buffer of a set.
class ScratchRef {
 public:
  ScratchRef(ScratchSet& set, transport::IoBuffer buffer) : set_{set}, buffer_{buffer} {}
  ~ScratchRef() { set_.give_back(buffer_); }
  ScratchRef(const ScratchRef&) = delete;
  ScratchRef& operator=(const ScratchRef&) = delete;
  const transport::IoBuffer& operator*() const { return buffer_; }

 private:
  ScratchSet& set_;
  transport::IoBuffer buffer_;
};

}  // namespace flashline::line::detail
