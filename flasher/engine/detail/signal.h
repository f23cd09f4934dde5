#pragma once
// How a coroutine of the event thread waits for something that another one does.

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <vector>

namespace flashline::line::detail {

namespace asio = boost::asio;
using Clock = std::chrono::steady_clock;

/// Wakes whoever waits; what they wait for they check themselves, before and after. One thread. Outlives its waiters.
class Signal {
 public:
  void notify() {
    for (auto* const timer : waiting_) timer->cancel();
    waiting_.clear();
  }

  /// Until the next notify() or `deadline`, whichever is first.
  asio::awaitable<void> wait(Clock::time_point deadline = Clock::time_point::max()) {
    asio::steady_timer timer{co_await asio::this_coro::executor, deadline};
    const Leave leave{waiting_, &timer};
    waiting_.push_back(&timer);
    std::ignore = co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
  }

 private:
  struct Leave {
    ~Leave() { std::erase(waiting, timer); }
    std::vector<asio::steady_timer*>& waiting;
    asio::steady_timer* timer;
  };
  std::vector<asio::steady_timer*> waiting_;
};

}  // namespace flashline::line::detail
