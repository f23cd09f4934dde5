// Must be true 5: the daemon, killed with SIGKILL at 200 random points of batches, gives no identity to two boards,
// loses none without a reason, keeps its records whole, and brings each batch to its end.

#include <chrono>
#include <condition_variable>
#include <csignal>
#include <gtest/gtest.h>
#include <mutex>
#include <random>
#include <thread>

#include "tests/fakes/crash_line.h"
#include "tests/fakes/station_process.h"

namespace flashline::line {
namespace {

using namespace test;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

/// Kills a process after a delay, unless it is called off before.
class Killer {
 public:
  Killer(pid_t victim, std::chrono::microseconds delay) : thread_{[this, victim, delay] { wait(victim, delay); }} {}
  ~Killer() {
    {
      const std::lock_guard lock{mutex_};
      off_ = true;
    }
    called_.notify_all();
    thread_.join();
  }
  Killer(const Killer&) = delete;
  Killer& operator=(const Killer&) = delete;

 private:
  void wait(pid_t victim, std::chrono::microseconds delay) {
    std::unique_lock lock{mutex_};
    if (!called_.wait_for(lock, delay, [this] { return off_; })) ::kill(victim, SIGKILL);
  }
  std::mutex mutex_;
  std::condition_variable called_;
  bool off_ = false;
  std::thread thread_;
};

class KillDaemon : public ::testing::Test {
 protected:
  static constexpr unsigned slots = 8;

  void SetUp() override {
    folder_.write_recipe();
    folder_.write_station(slots);
    make_crash_image(folder_.image());
  }

  /// One life of the daemon; true when batch `number` was seen done in it. It is killed after `delay`, or at its end.
  bool live(std::size_t number, std::optional<std::chrono::microseconds> delay) {
    std::optional<Killer> killer;
    station_.on_spawn = [&](pid_t daemon) {
      if (delay) killer.emplace(daemon, *delay);
    };
    const bool known = witness_.batches() >= number;
    bool done = false;
    if (station_.start()) {
      if (!known) station_.post("/api/v1/batches", order());
      while (!done && look_at_batch(number, done)) std::this_thread::sleep_for(5ms);
    }
    killer.reset();
    station_.stop(SIGKILL);
    return done;
  }

  fakes::StationProcess& station() { return station_; }
  CrashWitness& witness() { return witness_; }

 private:
  /// False when the daemon is gone.
  bool look_at_batch(std::size_t number, bool& done) const {
    const auto answer = station_.get("/api/v1/batches/" + std::to_string(number));
    done = answer.body.find("\"state\":\"done\"") != std::string::npos;
    return answer.status != 0;
  }
  std::string order() const {
    return fmt::format(R"({{"image":"{}","recipe":"{}","quantity":{},"operator":"test"}})", folder_.image().string(),
                       folder_.recipe().string(), slots);
  }

  MemoryFolder memory_;
  CrashFolder folder_{memory_.path(), memory_.path() / "state"};
  fakes::StationProcess station_{memory_.path()};
  CrashWitness witness_{folder_, slots};
};

TEST_F(KillDaemon, must_be_true_5_at_two_hundred_random_points_of_a_batch) {
  constexpr unsigned kills_wanted = 200;
  const auto seed = static_cast<unsigned>(::testing::UnitTest::GetInstance()->random_seed());
  SCOPED_TRACE(seed);
  std::mt19937 random{seed};
  const auto began = Clock::now();
  ASSERT_TRUE(live(1, {})) << station().log();
  const auto unharmed = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - began);
  ASSERT_NO_FATAL_FAILURE(witness().look_at_finished());

  unsigned kills = 0;
  for (std::size_t batch = 2; kills < kills_wanted; ++batch) {
    witness().clear_boards();
    for (bool done = false; !done;) {
      const bool harm = kills < kills_wanted;
      const std::chrono::microseconds delay{random() % static_cast<unsigned>(unharmed.count())};
      done = live(batch, harm ? std::optional{delay} : std::nullopt);
      kills += done ? 0 : 1;
      ASSERT_TRUE(done || harm) << station().log();
      ASSERT_NO_FATAL_FAILURE(witness().look()) << "kill " << kills;
      if (!done && random() % 3 == 0) witness().swap_board(1 + random() % slots);
    }
    ASSERT_NO_FATAL_FAILURE(witness().look_at_finished()) << "kill " << kills;
  }
  EXPECT_GT(witness().voided(), 0U) << "some boards were swapped after a kill";
}

}  // namespace
}  // namespace flashline::line
