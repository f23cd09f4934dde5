// Killed at any step of its store, a station gives no identity to two boards, loses none without a reason, keeps its
// records whole, and goes on. The killed process is this program, run again with only the first test below;
// tests/flasher/daemon/kill_test.cpp does the same to the daemon at random moments.

#include <boost/asio/detached.hpp>
#include <chrono>
#include <csignal>
#include <future>
#include <spawn.h>
#include <string_view>

#include "flasher/slot/engine_writer.h"
#include "flasher/slot/line.h"
#include "station-config/station.h"
#include "tests/fakes/crash_line.h"

namespace flashline::line {
namespace {

using namespace test;
using namespace std::chrono_literals;

constexpr const char* root_variable = "FLASHLINE_CRASH_ROOT";
constexpr const char* step_variable = "FLASHLINE_CRASH_STEP";    ///< die at the n-th step of the store; 0: never
constexpr const char* batch_variable = "FLASHLINE_CRASH_BATCH";  ///< the batch to make

/// Makes batch number `wanted`, unless an earlier life of this station did.
asio::awaitable<void> work(Line& line, WorkOrder order, std::int64_t wanted, std::promise<void>& done) {
  line.observe([&done, wanted, over = false](const LineEvent& event) mutable {
    const auto* batch = std::get_if<BatchChanged>(&event);
    if (over || batch == nullptr || batch->batch.row.id != wanted) return;
    over = batch->batch.row.state == BatchState::done;
    if (over) done.set_value();
  });
  if (const auto started = co_await line.start(); !started) std::abort();
  if (line.batch() && line.batch()->row.id == wanted) co_return;
  if (const auto created = co_await line.create_batch(std::move(order)); !created) std::abort();
}

/// The station, until its batch is done or it is killed.
void run_station(const std::filesystem::path& root, long die_at, std::int64_t batch) {
  const CrashFolder folder{root, {}};
  const auto station = config::load_station(folder.station());
  ASSERT_TRUE(station) << to_text(station.error());
  auto engine = Engine::create({.cache = ByteCount{8_MiB}, .spool_folder = station->paths.cache});
  ASSERT_TRUE(engine) << to_text(engine.error());
  long steps = 0;
  const auto at_step = [&](std::string_view) {
    if (++steps == die_at) raise(SIGKILL);
  };
  auto records = RecordThread::open({.folder = station->paths.state, .on_record = {}, .at_step = at_step});
  ASSERT_TRUE(records) << to_text(records.error());
  imaging::TrustPolicy trust;
  trust.allow_unsigned = true;
  EngineWriter writer{**engine, {.trust = trust, .station_folders = {}}};
  LineOptions options;
  options.station = *station;
  options.look_every = 5ms;
  Line line{options, writer, **records};
  WorkOrder order{.name = "crash",
                  .operator_name = "test",
                  .image = folder.image(),
                  .recipe = folder.recipe(),
                  .units_csv = {},
                  .quantity = station->slots.size()};
  std::promise<void> done;
  asio::co_spawn(writer.executor(), work(line, std::move(order), batch, done), asio::detached);
  done.get_future().wait();
  // What follows is not under test, and a clean end would only take time.
  std::_Exit(0);
}

TEST(CrashChild, is_a_station) {
  const char* root = std::getenv(root_variable);
  if (root == nullptr) GTEST_SKIP() << "only run by the tests below";
  run_station(root, std::atol(std::getenv(step_variable)), std::atol(std::getenv(batch_variable)));
}

class Crash : public ::testing::Test {
 protected:
  void prepare(unsigned slots) {
    folder_ = {memory_.path(), memory_.path() / "state"};
    folder_.write_recipe();
    folder_.write_station(slots);
    make_crash_image(folder_.image());
    witness_.emplace(folder_, slots);
  }

  pid_t start(std::int64_t number, long die_at = 0) const {
    const std::string root = std::string{root_variable} + "=" + folder_.root.string();
    const std::string step = std::string{step_variable} + "=" + std::to_string(die_at);
    const std::string batch = std::string{batch_variable} + "=" + std::to_string(number);
    const std::string self = std::filesystem::read_symlink("/proc/self/exe").string();
    const std::string filter = "--gtest_filter=CrashChild.is_a_station";
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 1, (folder_.root / "child.out").c_str(), O_WRONLY | O_CREAT | O_TRUNC,
                                     0600);
    std::vector<char*> argv{const_cast<char*>(self.c_str()), const_cast<char*>(filter.c_str()), nullptr};
    std::vector<char*> environment{const_cast<char*>(root.c_str()), const_cast<char*>(step.c_str()),
                                   const_cast<char*>(batch.c_str())};
    for (char** variable = environ; *variable != nullptr; ++variable) {
      // The child is no shard of this run and writes no report over this one's.
      if (!std::string_view{*variable}.starts_with("GTEST_")) environment.push_back(*variable);
    }
    environment.push_back(nullptr);
    pid_t child = 0;
    EXPECT_EQ(posix_spawn(&child, self.c_str(), &files, nullptr, argv.data(), environment.data()), 0);
    posix_spawn_file_actions_destroy(&files);
    return child;
  }

  /// True when the batch was finished; false when the child was killed.
  bool finished(pid_t child) const {
    const int code = fakes::wait_for(child, 60000);
    EXPECT_TRUE(code == 0 || code == 128 + SIGKILL) << code << ": " << fakes::slurp(folder_.root / "child.out");
    return code == 0;
  }

  MemoryFolder memory_;
  CrashFolder folder_;
  std::optional<CrashWitness> witness_;
};

TEST_F(Crash, at_every_step_of_the_store) {
  constexpr unsigned slots = 2;
  prepare(slots);
  long step = 1;
  for (bool reached = true; reached; ++step) {
    reached = !finished(start(step, step));
    ASSERT_NO_FATAL_FAILURE(witness_->look()) << "step " << step;
    if (reached) ASSERT_TRUE(finished(start(step))) << "step " << step;
    ASSERT_NO_FATAL_FAILURE(witness_->look_at_finished()) << "step " << step;
    witness_->clear_boards();
  }
  EXPECT_GT(step, 40) << "every transaction of a batch has its steps";
}

}  // namespace
}  // namespace flashline::line
