#include "transport/discovery/port_watcher.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <filesystem>
#include <gmock/gmock.h>

#include "tests/fakes/fake_usb_tree.h"

namespace flashline::transport {
namespace {

using namespace std::chrono_literals;
using fakes::FakeUsbPc;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// "+port", "-port", and "!port" where another board is there than before.
std::vector<std::string> words(const std::vector<PortChange>& changes) {
  std::vector<std::string> all;
  for (const PortChange& change : changes) {
    const char* sign = !change.now ? "-" : change.left ? "!" : "+";
    all.push_back(sign + to_text(change.port) + (change.now && change.now->has_medium() ? " medium" : ""));
  }
  return all;
}

/// What is different after something was done to the ports.
class Changes : public ::testing::Test {
 protected:
  template <class Act>
  std::vector<std::string> after(Act act) {
    const auto before = list_usb_ports(pc_.machine());
    act();
    return words(changes_between(before, list_usb_ports(pc_.machine())));
  }

  FakeUsbPc pc_;
};

TEST_F(Changes, a_stick_comes_and_goes) {
  EXPECT_THAT(after([] {}), IsEmpty());
  EXPECT_THAT(after([&] {
                pc_.plug("1-2");
                pc_.disk("1-2", 0, "sdb", 16, 1 << 20);
              }),
              ElementsAre("+pci-0000:00:14.0/2 medium"));
  EXPECT_THAT(after([&] { pc_.unplug("1-2"); }), ElementsAre("-pci-0000:00:14.0/2"));
}

TEST_F(Changes, a_card_comes_and_goes_in_a_reader_that_stays) {
  pc_.plug("1-2");
  pc_.disk("1-2", 0, "sdb", 16, 0);
  pc_.disk("1-2", 1, "sdc", 32, 0);
  EXPECT_THAT(after([&] { pc_.medium("sdc", 1 << 20); }), ElementsAre("+pci-0000:00:14.0/2#1 medium"));
  EXPECT_THAT(after([&] { pc_.medium("sdc", 0); }), ElementsAre("!pci-0000:00:14.0/2#1"));
}

TEST_F(Changes, a_card_that_was_swapped_between_two_looks_is_another_one) {
  pc_.plug("1-2");
  pc_.disk("1-2", 0, "sdb", 16, 1 << 20);
  EXPECT_THAT(after([&] {
                pc_.medium("sdb", 0);
                pc_.medium("sdb", 1 << 20);
              }),
              ElementsAre("!pci-0000:00:14.0/2 medium"));
}

TEST_F(Changes, a_board_that_flapped_between_two_looks_is_another_one) {
  pc_.plug("1-2");
  pc_.disk("1-2", 0, "sdb", 16, 1 << 20);
  EXPECT_THAT(after([&] {
                for (int n = 0; n < 3; ++n) {
                  pc_.unplug("1-2");
                  pc_.plug("1-2");
                }
                pc_.disk("1-2", 0, "sdb", 16, 1 << 20);
              }),
              ElementsAre("!pci-0000:00:14.0/2 medium"));
}

TEST_F(Changes, a_board_that_comes_back_on_the_other_side_keeps_its_port) {
  pc_.plug("1-5.3");
  EXPECT_THAT(after([&] {
                pc_.unplug("1-5.3");
                pc_.plug("2-1.3", {.vendor = "0a5c", .product = "0104"});
              }),
              ElementsAre("!pci-0000:00:14.0/5.3"));
}

TEST_F(Changes, udev_being_done_is_no_other_board) {
  pc_.folder().file("run/udev/control", "");
  pc_.plug("1-2");
  pc_.disk("1-2", 0, "sdb", 16, 1 << 20);
  EXPECT_THAT(after([&] { pc_.folder().file("run/udev/data/b8:16", ""); }), ElementsAre("+pci-0000:00:14.0/2 medium"));
}

TEST_F(Changes, the_other_card_slots_of_a_reader_that_comes_up_take_the_name_of_the_socket_away) {
  pc_.plug("1-2");
  pc_.disk("1-2", 0, "sdb", 16, 0);
  EXPECT_THAT(after([&] { pc_.disk("1-2", 1, "sdc", 32, 0); }),
              ElementsAre("-pci-0000:00:14.0/2", "+pci-0000:00:14.0/2#0", "+pci-0000:00:14.0/2#1"));
}

class Watcher : public ::testing::Test {
 protected:
  ~Watcher() override {
    watcher_.reset();
    io_.restart();
    io_.poll();
    pool_.join();
  }

  void watch(PortWatcherOptions options) {
    options.machine = pc_.machine();
    options.sweep = 2ms;
    watcher_ = std::make_unique<PortWatcher>(io_.get_executor(), pool_.get_executor(), options);
  }
  void listen() {
    watcher_->start([this](const std::vector<PortChange>& changes) {
      for (std::string& word : words(changes)) seen_.push_back(std::move(word));
    });
  }
  void start(PortWatcherOptions options = {.events = false}) {
    watch(std::move(options));
    listen();
  }
  /// Runs until `count` changes were told, or `limit` is over.
  void until(std::size_t count, std::chrono::milliseconds limit = 2s) {
    const auto end = std::chrono::steady_clock::now() + limit;
    while (seen_.size() < count && std::chrono::steady_clock::now() < end) {
      io_.restart();
      io_.run_one_for(10ms);
    }
  }

  FakeUsbPc pc_;
  asio::io_context io_;
  asio::thread_pool pool_{1};
  std::unique_ptr<PortWatcher> watcher_;
  std::vector<std::string> seen_;
};

TEST_F(Watcher, tells_what_is_there_and_what_changes_by_sweeps_alone) {
  pc_.plug("1-2");
  pc_.disk("1-2", 0, "sdb", 16, 1 << 20);
  start();
  until(1);
  EXPECT_THAT(seen_, ElementsAre("+pci-0000:00:14.0/2 medium"));
  ASSERT_NE(watcher_->find(*parse_port_path("pci-0000:00:14.0/2")), nullptr);
  EXPECT_EQ(watcher_->find(*parse_port_path("pci-0000:00:14.0/3")), nullptr);
  pc_.unplug("1-2");
  until(2);
  EXPECT_THAT(seen_, ElementsAre("+pci-0000:00:14.0/2 medium", "-pci-0000:00:14.0/2"));
}

TEST_F(Watcher, looks_often_where_udev_does_not_run) {
  start({.calm_sweep = 1h});
  pc_.plug("1-2");
  until(1);
  EXPECT_THAT(seen_, ElementsAre("+pci-0000:00:14.0/2"));
}

TEST_F(Watcher, looks_often_into_a_reader_that_the_kernel_does_not_poll) {
  pc_.folder().file("run/udev/control", "");
  pc_.folder().file("run/udev/data/b8:16", "");
  pc_.plug("1-2");
  pc_.disk("1-2", 0, "sdb", 16, 0);
  watch({.calm_sweep = 1h});
  watcher_->open_media_of({*parse_port_path("pci-0000:00:14.0/2")});
  listen();
  until(1);
  pc_.medium("sdb", 1 << 20);
  until(2);
  EXPECT_THAT(seen_, ElementsAre("+pci-0000:00:14.0/2", "+pci-0000:00:14.0/2 medium"));
}

TEST_F(Watcher, leaves_a_machine_in_peace_whose_events_it_hears) {
  pc_.folder().file("run/udev/control", "");
  watch({.calm_sweep = 1h});
  if (!watcher_->hears_events()) GTEST_SKIP() << "no netlink here";
  if (std::filesystem::exists("/run/udev/control")) GTEST_SKIP() << "this machine's own events would be heard";
  listen();
  pc_.plug("1-2");
  until(1, 100ms);
  const std::size_t heard = seen_.size();  // one look may have begun after the plug
  pc_.unplug("1-2");
  until(heard + 1, 100ms);
  EXPECT_EQ(seen_.size(), heard);
}

TEST_F(Watcher, says_nothing_after_its_end) {
  start();
  until(0);
  watcher_.reset();
  pc_.plug("1-2");
  io_.restart();
  io_.run_for(10ms);
  EXPECT_THAT(seen_, IsEmpty());
}

TEST_F(Watcher, forty_boards_of_which_half_flap_are_all_there_in_the_end) {
  pc_.hub("1-1");
  start();
  for (int round = 0; round < 3; ++round) {
    for (int n = 1; n <= 40; ++n) {
      const std::string name = "1-1." + std::to_string(n);
      if (round == 0 || n % 2 == 0) pc_.plug(name);
      io_.restart();
      io_.poll();
      if (round < 2 && n % 2 == 0) pc_.unplug(name);
    }
  }
  const auto end = std::chrono::steady_clock::now() + 5s;
  while (watcher_->ports().size() != 40 && std::chrono::steady_clock::now() < end) {
    io_.restart();
    io_.run_one_for(10ms);
  }
  EXPECT_EQ(watcher_->ports().size(), 40U);
  std::map<std::string, int> there;
  for (const std::string& word : seen_) there[word.substr(1)] += word[0] == '+' ? 1 : word[0] == '-' ? -1 : 0;
  for (const auto& [name, count] : there) EXPECT_EQ(count, 1) << name;
}

}  // namespace
}  // namespace flashline::transport
