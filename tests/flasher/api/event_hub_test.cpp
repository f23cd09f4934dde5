#include "flasher/api/event_hub.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <gmock/gmock.h>
#include <thread>

namespace flashline::line {
namespace {

asio::awaitable<void> take_into(std::shared_ptr<EventHub::Listener> listener, std::vector<std::uint64_t>& got,
                                bool& ended) {
  while (const auto event = co_await listener->next()) got.push_back(event->seq);
  ended = true;
}

class EventHubTest : public ::testing::Test {
 protected:
  void publish(const std::string& key) {
    hub_.publish(key, [](std::uint64_t seq) { return std::to_string(seq); });
  }
  /// Lets the hub hand out what was published.
  void turn() {
    context_.restart();
    context_.run();
  }
  std::vector<std::uint64_t> drain(const std::shared_ptr<EventHub::Listener>& listener) {
    got_.clear();
    asio::co_spawn(context_, take_into(listener, got_, ended_), asio::detached);
    context_.restart();
    context_.poll();
    return got_;
  }

  asio::io_context context_{1};
  EventHub hub_{context_.get_executor()};
  std::vector<std::uint64_t> got_;
  bool ended_ = false;
};

TEST_F(EventHubTest, a_listener_that_lags_gets_the_newest_of_each_key) {
  const auto listener = hub_.listen();
  for (int i = 0; i < 1000; ++i) publish(i % 2 == 0 ? "slot 1" : "slot 2");
  publish("");
  turn();
  EXPECT_THAT(drain(listener), ::testing::ElementsAre(999, 1000, 1001));
  EXPECT_FALSE(ended_);
}

TEST_F(EventHubTest, what_may_not_be_dropped_ends_a_listener_that_lags) {
  const auto listener = hub_.listen();
  for (std::size_t i = 0; i < EventHub::max_waiting; ++i) publish("");
  turn();
  EXPECT_EQ(drain(listener).size(), EventHub::max_waiting);
  EXPECT_FALSE(ended_);
  const auto late = hub_.listen();
  for (std::size_t i = 0; i <= EventHub::max_waiting; ++i) publish("");
  turn();
  EXPECT_TRUE(drain(late).empty());
  EXPECT_TRUE(ended_);
}

TEST_F(EventHubTest, a_snapshot_covers_what_came_before_it) {
  const auto listener = hub_.listen();
  publish("a");
  publish("b");
  const std::uint64_t seq = hub_.seq();
  publish("c");
  turn();
  listener->drop_until(seq);
  EXPECT_THAT(drain(listener), ::testing::ElementsAre(3));
}

TEST_F(EventHubTest, since_tells_what_was_missed) {
  publish("a");
  publish("b");
  publish("a");
  std::vector<std::uint64_t> seqs;
  for (const HubEvent& event : hub_.since(1)) seqs.push_back(event.seq);
  EXPECT_THAT(seqs, ::testing::ElementsAre(2, 3));
  for (std::size_t i = 0; i < 2 * EventHub::max_history; ++i) publish("");
  EXPECT_EQ(hub_.since(0).size(), EventHub::max_history);
}

TEST_F(EventHubTest, close_ends_listeners_of_now_and_later) {
  const auto now = hub_.listen();
  hub_.close();
  drain(now);
  EXPECT_TRUE(ended_);
  ended_ = false;
  drain(hub_.listen());
  EXPECT_TRUE(ended_);
}

TEST_F(EventHubTest, many_threads_may_publish) {
  const auto listener = hub_.listen();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([this, t] {
      for (int i = 0; i < 50; ++i) publish("slot " + std::to_string(t));
    });
  }
  for (std::thread& thread : threads) thread.join();
  turn();
  EXPECT_EQ(drain(listener).size(), 4U);
  EXPECT_EQ(hub_.seq(), 200U);
}

}  // namespace
}  // namespace flashline::line
