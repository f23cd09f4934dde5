#pragma once
// What happens on the line, told to any number of listeners, none of which can hold the line up.

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace flashline::line {

namespace asio = boost::asio;

/// One message. `key` names what it is about ("slot 3"): a listener that lags gets only the newest of a key. Messages
/// with an empty key are each delivered, or the listener is cut off and starts again with a snapshot.
struct HubEvent {
  std::uint64_t seq = 0;  ///< from 1; grows
  std::string key;
  std::string text;  ///< JSON
};

/// Any thread publishes; listeners live on the executor.
class EventHub {
 public:
  /// Messages without key that may wait for one listener.
  static constexpr std::size_t max_waiting = 256;
  /// Messages that since() can still tell.
  static constexpr std::size_t max_history = 512;

  class Listener {
   public:
    /// The next message; nullopt: the listener lagged too far, or the hub was closed.
    asio::awaitable<std::optional<HubEvent>> next();
    /// Forgets what waits and is not newer than `seq`: a snapshot covers it.
    void drop_until(std::uint64_t seq);
    /// Ends next() with nullopt.
    void close();

   private:
    friend class EventHub;
    explicit Listener(const asio::any_io_executor& executor) : wake_{executor} {}
    void offer(const HubEvent& event);

    asio::steady_timer wake_;
    std::deque<HubEvent> waiting_;
    bool closed_ = false;
  };

  explicit EventHub(asio::any_io_executor executor) : executor_{std::move(executor)} {}

  /// `make_text(seq)` gives the JSON. Never blocks.
  template <class MakeText>
  void publish(std::string key, MakeText make_text) {
    const std::lock_guard lock{mutex_};
    remember(HubEvent{.seq = ++seq_, .key = std::move(key), .text = make_text(seq_)});
  }

  /// Number of the last message.
  std::uint64_t seq() const;
  /// Messages after `seq` that are still known, the newest of each key only.
  std::vector<HubEvent> since(std::uint64_t seq) const;

  /// On the executor. The hub forgets a listener when its last owner does.
  std::shared_ptr<Listener> listen();
  /// On the executor. Ends all listeners.
  void close();

 private:
  void remember(HubEvent event);

  asio::any_io_executor executor_;
  mutable std::mutex mutex_;
  std::uint64_t seq_ = 0;
  std::deque<HubEvent> history_;
  std::vector<std::weak_ptr<Listener>> listeners_;  // touched on the executor only
  bool closed_ = false;
};

}  // namespace flashline::line
