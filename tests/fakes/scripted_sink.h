#pragma once
// A board made of memory that does what its script says on the n-th call, and remembers every call in order.

#include <algorithm>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <cstring>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "imaging/core/errors/device.h"
#include "transport/block/block_sink.h"

namespace flashline::tests {

namespace asio = boost::asio;

/// What a call of the sink was.
enum class SinkCall : std::uint8_t { write, read, flush, discard, zero };

/// What goes wrong on one call. Several may be joined: a call may stall and then fail.
struct SinkFault {
  std::optional<Errc> error = {};               ///< the call fails with this, nothing was done
  bool unplug = false;                          ///< this call and all later ones fail with device_gone
  bool drop = false;                            ///< reported as done, nothing reaches the memory
  std::optional<std::size_t> flip = {};         ///< the byte at this place of the call's data has a bit turned
  std::optional<std::size_t> short_after = {};  ///< a write keeps so many bytes and then fails with device_full
  std::chrono::milliseconds stall{0};           ///< before anything else
};

/// Faults by kind of call and its number, counted from 1 for each kind by itself.
using SinkScript = std::map<std::pair<SinkCall, std::size_t>, SinkFault>;

/// One call as it was made. `data` is what a write carried; what reached the memory may differ by the script.
struct LoggedCall {
  SinkCall kind;
  ByteOffset at;
  ByteCount length;
  std::vector<std::byte> reached;  ///< what reached the memory of a write, or zeros of a zero()
};

/// The sink. Its memory outlives unplugging, as a medium's does: look at it when the run is over.
class ScriptedSink final : public transport::BlockSink {
 public:
  /// `old` is what lay on the medium before; shorter than `capacity` is padded with `stale`.
  explicit ScriptedSink(ByteCount capacity, SinkScript script = {}, std::byte stale = std::byte{0},
                        std::vector<std::byte> old = {})
      : script_{std::move(script)}, memory_{std::move(old)} {
    memory_.resize(capacity.value, stale);
    start_ = memory_;
    facts_ = {.path = "scripted", .capacity = capacity, .sector_size = 512, .medium = "scripted-1"};
  }

  const transport::SinkFacts& facts() const override { return facts_; }

  asio::awaitable<Status> write(ByteOffset at, transport::IoBuffer data) override {
    std::vector<std::byte> bytes{data.bytes.begin(), data.bytes.end()};
    co_return co_await change(SinkCall::write, at, std::move(bytes));
  }

  asio::awaitable<Status> zero(ByteOffset at, ByteCount length) override {
    co_return co_await change(SinkCall::zero, at, std::vector<std::byte>(length.value));
  }

  asio::awaitable<Status> read(ByteOffset at, transport::IoBuffer into) override {
    const auto fault = co_await begin(SinkCall::read);
    log.push_back({SinkCall::read, at, ByteCount{into.bytes.size()}, {}});
    FL_CO_CHECK(check(fault, at, into.bytes.size(), errc::device_read));
    std::memcpy(into.bytes.data(), memory_.data() + at.value, into.bytes.size());
    if (fault.flip) into.bytes[*fault.flip] ^= std::byte{1};
    co_return Status{};
  }

  asio::awaitable<Status> flush() override {
    const auto fault = co_await begin(SinkCall::flush);
    const auto status = check(fault, {}, 0, errc::device_flush);
    if (status) log.push_back({SinkCall::flush, {}, {}, {}});
    co_return status;
  }

  asio::awaitable<Status> discard(ByteOffset at, ByteCount length) override {
    const auto fault = co_await begin(SinkCall::discard);
    log.push_back({SinkCall::discard, at, length, {}});
    co_return check(fault, at, length.value, errc::device_write);  // the old bytes stay, as on many readers
  }

  /// What is on the medium now.
  const std::vector<std::byte>& memory() const { return memory_; }
  void set_facts(transport::SinkFacts facts) { facts_ = std::move(facts); }
  /// Power comes back after an unplug; counters go on.
  void plug_in() { unplugged_ = false; }

  /// The medium if power had gone right after the first `calls` calls of the log. All that a flush covers is there; of
  /// what came after the last flush, `kept` says by number in the log whether it had reached the medium.
  std::vector<std::byte> memory_if_cut(
      std::size_t calls, const std::function<bool(std::size_t)>& kept = [](std::size_t) { return true; }) const {
    std::size_t flushed = 0;
    for (std::size_t i = 0; i < calls; ++i) flushed = log[i].kind == SinkCall::flush ? i : flushed;
    auto medium = start_;
    for (std::size_t i = 0; i < calls; ++i) {
      if (i < flushed || kept(i)) std::ranges::copy(log[i].reached, medium.begin() + offset(log[i].at));
    }
    return medium;
  }

  /// How many calls of a kind succeeded or not; failing flushes are not in the log but are counted here.
  std::size_t calls(SinkCall kind) const {
    const auto found = counts_.find(kind);
    return found == counts_.end() ? 0 : found->second;
  }

  /// After so many writes and zeros nothing more reaches the memory, though all calls go on to succeed.
  std::size_t cut_after = static_cast<std::size_t>(-1);
  /// In the order in which the calls reached the medium.
  std::vector<LoggedCall> log;

 private:
  static std::ptrdiff_t offset(ByteOffset at) { return static_cast<std::ptrdiff_t>(at.value); }

  // Every call takes a turn of the loop, as hardware does: what must not depend on order is seen to.
  asio::awaitable<SinkFault> begin(SinkCall kind) {
    const auto found = script_.find({kind, ++counts_[kind]});
    auto fault = found == script_.end() ? SinkFault{} : found->second;
    const auto executor = co_await asio::this_coro::executor;
    if (fault.stall.count() > 0) {
      asio::steady_timer timer{executor, fault.stall};
      co_await timer.async_wait(asio::use_awaitable);
    } else {
      co_await asio::post(executor, asio::use_awaitable);
    }
    co_return fault;
  }

  asio::awaitable<Status> change(SinkCall kind, ByteOffset at, std::vector<std::byte> bytes) {
    const auto fault = co_await begin(kind);
    FL_CO_CHECK(check(fault, at, bytes.size(), errc::device_write));
    const ByteCount length{bytes.size()};
    if (fault.flip) bytes[*fault.flip] ^= std::byte{1};
    if (fault.short_after) bytes.resize(*fault.short_after);
    if (fault.drop || reached_++ >= cut_after) bytes.clear();
    std::ranges::copy(bytes, memory_.begin() + offset(at));
    log.push_back({kind, at, length, std::move(bytes)});
    if (fault.short_after) co_return fail(errc::device_full, "script: short write at offset " + text(at));
    co_return Status{};
  }

  Status check(const SinkFault& fault, ByteOffset at, std::uint64_t length, Errc outside) {
    unplugged_ = unplugged_ || fault.unplug;
    if (unplugged_) return fail(errc::device_gone, "script: unplugged, offset " + text(at));
    if (fault.error) return fail(*fault.error, "script: offset " + text(at));
    if (at.value % facts_.sector_size != 0 || at.value > memory_.size() || length > memory_.size() - at.value) {
      return fail(outside, "outside of the medium or between sectors: offset " + text(at));
    }
    return {};
  }

  static std::string text(ByteOffset at) { return std::to_string(at.value); }

  transport::SinkFacts facts_;
  SinkScript script_;
  std::vector<std::byte> memory_;
  std::vector<std::byte> start_;
  std::map<SinkCall, std::size_t> counts_;
  std::size_t reached_ = 0;
  bool unplugged_ = false;
};

}  // namespace flashline::tests
