#include "flasher/api/event_hub.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace flashline::line {
namespace {

/// Puts `event` in the place of an older one of its key, else at the end.
void replace_or_add(std::deque<HubEvent>& events, const HubEvent& event) {
  if (!event.key.empty()) std::erase_if(events, [&](const HubEvent& old) { return old.key == event.key; });
  events.push_back(event);
}

}  // namespace

asio::awaitable<std::optional<HubEvent>> EventHub::Listener::next() {
  while (waiting_.empty() && !closed_) {
    wake_.expires_at(asio::steady_timer::time_point::max());
    co_await wake_.async_wait(asio::as_tuple(asio::use_awaitable));
  }
  if (closed_) co_return std::nullopt;
  HubEvent event = std::move(waiting_.front());
  waiting_.pop_front();
  co_return event;
}

void EventHub::Listener::drop_until(std::uint64_t seq) {
  std::erase_if(waiting_, [&](const HubEvent& event) { return event.seq <= seq; });
}

void EventHub::Listener::offer(const HubEvent& event) {
  replace_or_add(waiting_, event);
  if (std::ranges::count_if(waiting_, [](const HubEvent& one) { return one.key.empty(); }) >
      std::ptrdiff_t{max_waiting}) {
    close();
  }
  wake_.cancel();
}

void EventHub::Listener::close() {
  closed_ = true;
  waiting_.clear();
  wake_.cancel();
}

void EventHub::remember(HubEvent event) {
  replace_or_add(history_, event);
  if (history_.size() > max_history) history_.pop_front();
  asio::post(executor_, [this, event = std::move(event)] {
    std::erase_if(listeners_, [](const auto& listener) { return listener.expired(); });
    for (const auto& weak : listeners_) {
      if (const auto listener = weak.lock()) listener->offer(event);
    }
  });
}

std::uint64_t EventHub::seq() const {
  const std::lock_guard lock{mutex_};
  return seq_;
}

std::vector<HubEvent> EventHub::since(std::uint64_t seq) const {
  const std::lock_guard lock{mutex_};
  std::vector<HubEvent> found;
  std::ranges::copy_if(history_, std::back_inserter(found), [&](const HubEvent& event) { return event.seq > seq; });
  return found;
}

std::shared_ptr<EventHub::Listener> EventHub::listen() {
  std::shared_ptr<Listener> listener{new Listener{executor_}};
  if (closed_) listener->close();
  listeners_.push_back(listener);
  return listener;
}

void EventHub::close() {
  closed_ = true;
  for (const auto& weak : listeners_) {
    if (const auto listener = weak.lock()) listener->close();
  }
}

}  // namespace flashline::line
