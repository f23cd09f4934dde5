#pragma once
// One after the other, in the order in which they came.

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <deque>
#include <memory>
#include <utility>

namespace flashline::transport::detail {

namespace asio = boost::asio;

/// For coroutines of one strand. Outlives its turns.
class Turns {
 public:
  /// It is somebody's turn as long as this lives.
  class Turn {
   public:
    explicit Turn(Turns& turns) : turns_{&turns} {}
    Turn(Turn&& other) noexcept : turns_{std::exchange(other.turns_, nullptr)} {}
    Turn& operator=(Turn&&) = delete;
    ~Turn() {
      if (turns_ != nullptr) turns_->pass_on();
    }

   private:
    Turns* turns_;
  };

  asio::awaitable<Turn> take() {
    if (taken_) {
      const auto mine = std::make_shared<Waiting>(co_await asio::this_coro::executor);
      waiting_.push_back(mine);
      while (!mine->is_due) co_await mine->timer.async_wait(asio::as_tuple(asio::use_awaitable));
    }
    taken_ = true;
    co_return Turn{*this};
  }

 private:
  struct Waiting {
    explicit Waiting(asio::any_io_executor executor)
        : timer{std::move(executor), asio::steady_timer::time_point::max()} {}
    asio::steady_timer timer;
    bool is_due = false;
  };

  void pass_on() {
    taken_ = !waiting_.empty();
    if (!taken_) return;
    waiting_.front()->is_due = true;
    waiting_.front()->timer.cancel();
    waiting_.pop_front();
  }

  bool taken_ = false;
  std::deque<std::shared_ptr<Waiting>> waiting_;
};

}  // namespace flashline::transport::detail
