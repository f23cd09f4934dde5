#include "transport/block/probe_capacity.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <random>
#include <spdlog/fmt/fmt.h>
#include <vector>

#include "imaging/core/errors/device.h"

namespace flashline::transport {
namespace {

constexpr std::size_t stamp_size = 4096;
// A smaller medium fits into the memory of a bridge, which would answer for it.
constexpr std::uint64_t first_power = 1_MiB;

std::vector<std::uint64_t> places_on(std::uint64_t capacity) {
  std::vector<std::uint64_t> places{0};
  for (std::uint64_t at = first_power; at + stamp_size <= capacity - stamp_size; at *= 2) places.push_back(at);
  places.push_back((capacity - stamp_size) / stamp_size * stamp_size);
  return places;
}

/// Aligned memory for one stamp.
class Page {
 public:
  Page() : memory_{static_cast<std::byte*>(std::aligned_alloc(stamp_size, stamp_size))} {}
  IoBuffer buffer() const { return {{memory_.get(), stamp_size}, -1}; }

 private:
  struct Free {
    void operator()(std::byte* memory) const { std::free(memory); }
  };
  std::unique_ptr<std::byte, Free> memory_;
};

class Probe {
 public:
  explicit Probe(BlockSink& sink) : sink_{sink}, places_{places_on(sink.facts().capacity.value)} {}

  asio::awaitable<Status> run() {
    FL_CO_CHECK(co_await keep_what_is_there());
    FL_CO_CHECK(co_await put_stamps());
    Status found = co_await look();
    // Put back whatever was found; a card that lies has lost it anyway.
    Status restored = co_await put_back();
    if (!found) co_return found;
    co_return restored;
  }

 private:
  asio::awaitable<Status> keep_what_is_there() {
    for (const std::uint64_t at : places_) {
      old_.emplace_back();
      FL_CO_CHECK(co_await sink_.read(ByteOffset{at}, old_.back().buffer()));
    }
    co_return Status{};
  }

  asio::awaitable<Status> put_stamps() {
    for (const std::uint64_t at : places_) {
      fill(page_.buffer().bytes, at);
      FL_CO_CHECK(co_await sink_.write(ByteOffset{at}, page_.buffer()));
    }
    co_return co_await sink_.flush();
  }

  // Every stamp was written before the first is read: one by one a card that wraps would answer right.
  asio::awaitable<Status> look() {
    for (const std::uint64_t at : places_) {
      FL_CO_CHECK(co_await sink_.read(ByteOffset{at}, page_.buffer()));
      if (holds(page_.buffer().bytes, at)) continue;
      const std::uint64_t capacity = sink_.facts().capacity.value;
      for (const std::uint64_t other : places_) {
        if (other == at || !holds(page_.buffer().bytes, other)) continue;
        co_return fail(errc::device_full,
                       fmt::format("it says {} bytes and has {}: what is written at {} comes out at {}", capacity,
                                   other - at, other, at));
      }
      co_return fail(errc::device_full, fmt::format("it says {} bytes and keeps nothing at {}", capacity, at));
    }
    co_return Status{};
  }

  asio::awaitable<Status> put_back() {
    for (std::size_t i = places_.size(); i > 0; --i) {
      FL_CO_CHECK(co_await sink_.write(ByteOffset{places_[i - 1]}, old_[i - 1].buffer()));
    }
    co_return co_await sink_.flush();
  }

  void fill(std::span<std::byte> stamp, std::uint64_t at) const {
    std::mt19937_64 noise{seed_ ^ at};
    for (std::size_t i = 0; i < stamp.size(); i += sizeof(std::uint64_t)) {
      const std::uint64_t word = noise();
      std::memcpy(stamp.data() + i, &word, sizeof word);
    }
  }

  bool holds(std::span<const std::byte> bytes, std::uint64_t at) {
    fill(expected_.buffer().bytes, at);
    return std::memcmp(bytes.data(), expected_.buffer().bytes.data(), stamp_size) == 0;
  }

  BlockSink& sink_;
  std::vector<std::uint64_t> places_;
  std::vector<Page> old_;
  Page page_;
  Page expected_;
  std::uint64_t seed_ = std::random_device{}();  // so that stamps of an earlier probe do not pass for ours
};

}  // namespace

asio::awaitable<Status> probe_capacity(BlockSink& sink) {
  if (sink.facts().capacity.value < 2 * first_power) co_return Status{};
  Probe probe{sink};
  co_return co_await probe.run();
}

}  // namespace flashline::transport
