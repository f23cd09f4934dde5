#include "flasher/engine/detail/spool.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <sys/file.h>

#include "flasher/engine/detail/spool_folder.h"
#include "imaging/core/errors/image.h"
#include "tests/flasher/engine/engine_fixture.h"

namespace flashline::line::tests {
namespace {

using imaging::pattern;

/// A decompressor of `bytes` that stops before `pause_at` until it is let on, and may then fail.
class SlowStream final : public imaging::ByteStream {
 public:
  struct Gate {
    std::mutex mutex;
    std::condition_variable moved;
    std::size_t open_to = 0;
    std::optional<Error> fails;

    void open(std::size_t to) {
      const std::lock_guard lock{mutex};
      open_to = to;
      moved.notify_all();
    }
  };

  SlowStream(std::vector<std::byte> bytes, std::shared_ptr<Gate> gate)
      : bytes_{std::move(bytes)}, gate_{std::move(gate)} {}

  Result<std::size_t> read(std::span<std::byte> out) override {
    std::unique_lock lock{gate_->mutex};
    gate_->moved.wait(lock, [&] { return gate_->open_to > at_ || gate_->open_to >= bytes_.size(); });
    if (gate_->fails && at_ >= gate_->open_to / 2) return std::unexpected{*gate_->fails};
    const std::size_t count = std::min({out.size(), bytes_.size() - at_, std::max(gate_->open_to, at_) - at_});
    std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(at_), count, out.begin());
    at_ += count;
    return count;
  }

 private:
  std::vector<std::byte> bytes_;
  std::size_t at_ = 0;
  std::shared_ptr<Gate> gate_;
};

class SpoolTest : public EngineTest {
 protected:
  void SetUp() override {
    // The compressed file; what it holds comes from the stream.
    write_content(pattern(100, 9));
  }

  std::filesystem::path cache() const { return folder_.path() / "cache"; }
  imaging::Content stream_of(const std::vector<std::byte>& bytes, bool knows_size = true) {
    imaging::Content content;
    content.stream = std::make_unique<SlowStream>(bytes, gate_);
    if (knows_size) content.size = ByteCount{bytes.size()};
    return content;
  }
  Result<std::shared_ptr<LoadedImage>> load_stream(const std::vector<std::byte>& bytes, BlockPlan plan) {
    imaging::OpenedImage opened;
    opened.stores.push_back({"", std::move(plan)});
    opened.content = stream_of(bytes);
    return await(engine_->load(std::move(opened), content_path()));
  }
  std::vector<std::filesystem::path> files(std::string_view extension) const {
    std::vector<std::filesystem::path> found;
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator{cache(), ignored}) {
      if (entry.path().extension() == extension) found.push_back(entry.path());
    }
    return found;
  }

  std::shared_ptr<SlowStream::Gate> gate_ = std::make_shared<SlowStream::Gate>();
};

TEST_F(SpoolTest, boards_begin_while_it_is_being_filled) {
  start({.cache = ByteCount{4_MiB}});
  const auto bytes = pattern(12_MiB + 1000, 1);
  auto padded = bytes;
  padded.resize(12_MiB + 1024);
  gate_->open(6_MiB);
  auto image = load_stream(padded, plain_plan(padded));
  ASSERT_TRUE(image) << image.error().detail;
  const auto sink = std::make_shared<ScriptedSink>(ByteCount{padded.size()});
  auto running = start_run(request(*image, sink));
  while (await([&]() -> asio::awaitable<std::size_t> { co_return sink->calls(SinkCall::write); }()) < 3) {
    std::this_thread::yield();
  }
  EXPECT_EQ(running.wait_for(std::chrono::seconds{0}), std::future_status::timeout);
  gate_->open(padded.size());
  const auto report = running.get();
  ASSERT_EQ(code(report), "none") << report.error->detail;
  EXPECT_TRUE(sink->memory() == padded);
}

TEST_F(SpoolTest, is_made_once_and_found_again_after_a_restart) {
  const auto bytes = pattern(3_MiB, 2);
  for (const bool again : {false, true}) {
    start();
    gate_->open(again ? 0 : bytes.size());  // the second time nothing comes out of the decompressor
    auto image = load_stream(bytes, plain_plan(bytes));
    ASSERT_TRUE(image) << image.error().detail;
    const auto sink = std::make_shared<ScriptedSink>(ByteCount{bytes.size()});
    EXPECT_EQ(code(run(request(*image, sink))), "none");
    EXPECT_TRUE(sink->memory() == bytes);
    while (files(".spool").empty()) std::this_thread::yield();
    EXPECT_EQ(files(".part").size(), 0U);
    image->reset();
    engine_.reset();
  }
}

TEST_F(SpoolTest, promise_1_a_spool_that_was_changed_on_the_disk_is_noticed_and_made_anew) {
  const auto bytes = pattern(3_MiB, 3);
  start();
  gate_->open(bytes.size());
  ASSERT_EQ(code(run(request(*load_stream(bytes, plain_plan(bytes)),
                             std::make_shared<ScriptedSink>(ByteCount{bytes.size()})))),
            "none");
  while (files(".spool").empty()) std::this_thread::yield();
  engine_.reset();
  {
    const imaging::FileHandle file{::open(files(".spool").front().c_str(), O_RDWR)};
    ASSERT_EQ(::pwrite(file.get(), "x", 1, 1'000'000), 1);
  }
  start();
  const auto report =
      run(request(*load_stream(bytes, plain_plan(bytes)), std::make_shared<ScriptedSink>(ByteCount{bytes.size()})));
  EXPECT_EQ(code(report), "FL-IMG-005");
  EXPECT_TRUE(files(".spool").empty());
}

TEST_F(SpoolTest, a_failing_stream_reaches_every_board_with_its_code) {
  start();
  const auto bytes = pattern(8_MiB, 4);
  gate_->fails = Error{errc::image_read, "the archive is damaged"};
  gate_->open(2_MiB);
  auto image = load_stream(bytes, plain_plan(bytes));
  ASSERT_TRUE(image);
  std::vector<std::future<RunReport>> runs;
  for (int i = 0; i < 3; ++i) {
    runs.push_back(start_run(request(*image, std::make_shared<ScriptedSink>(ByteCount{bytes.size()}))));
  }
  for (auto& each : runs) EXPECT_EQ(code(each.get()), "FL-IMG-002");
  image->reset();
  EXPECT_TRUE(files(".spool").empty());
}

TEST_F(SpoolTest, promise_1_a_stream_that_is_checked_at_its_end_reaches_no_board_before) {
  start();
  const auto bytes = pattern(8_MiB, 4);
  gate_->fails = Error{errc::bmap_mismatch, "the last range is damaged"};
  gate_->open(4_MiB);
  imaging::OpenedImage opened;
  opened.stores.push_back({"", plain_plan(bytes)});
  opened.content = stream_of(bytes);
  opened.content.checked_at_end = true;
  const auto image = await(engine_->load(std::move(opened), content_path()));
  ASSERT_FALSE(image) << "a board could be written with what is not checked yet";
  EXPECT_EQ(image.error().code, errc::bmap_mismatch);
}

TEST_F(SpoolTest, a_stream_of_another_size_than_announced_fails) {
  start();
  const auto bytes = pattern(3_MiB, 5);
  for (const auto announced : {2_MiB, 4_MiB}) {
    gate_->open(bytes.size());
    auto content = stream_of(bytes);
    content.size = ByteCount{announced};
    auto spool = detail::Spool::open(cache(), content_path(), std::move(content), engine_->executor());
    ASSERT_TRUE(spool);
    const auto done = await((*spool)->wait_complete());
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, announced < bytes.size() ? errc::image_read : errc::truncated);
  }
  EXPECT_TRUE(files(".spool").empty());
}

TEST_F(SpoolTest, what_a_crash_left_is_removed_at_the_start_unless_somebody_still_writes_it) {
  std::filesystem::create_directories(cache());
  const auto dead = cache() / "dead.1.0.part";
  const auto live = cache() / "live.1.0.part";
  const imaging::FileHandle other{::open(dead.c_str(), O_CREAT | O_WRONLY, 0600)};
  const imaging::FileHandle lock{::open(live.c_str(), O_CREAT | O_WRONLY, 0600)};
  ASSERT_EQ(::flock(lock.get(), LOCK_EX), 0);
  start();
  EXPECT_FALSE(std::filesystem::exists(dead));
  EXPECT_TRUE(std::filesystem::exists(live));
}

TEST_F(SpoolTest, an_image_that_does_not_fit_is_refused_before_the_start) {
  start();
  auto content = stream_of(pattern(100, 6));
  content.size = ByteCount{std::uint64_t{8} << 40U};
  const auto spool = detail::Spool::open(cache(), content_path(), std::move(content), engine_->executor());
  ASSERT_FALSE(spool);
  EXPECT_EQ(code_of(spool.error().code), "FL-DEV-040");
  EXPECT_TRUE(files(".part").empty());
}

TEST_F(SpoolTest, room_is_made_at_the_cost_of_older_spools) {
  start();
  std::filesystem::create_directories(cache());
  std::ofstream{cache() / "old.spool"} << "x";
  std::ofstream{cache() / "old.sums"} << "x";
  auto content = stream_of(pattern(100, 6));
  content.size = ByteCount{std::uint64_t{8} << 40U};
  EXPECT_FALSE(detail::Spool::open(cache(), content_path(), std::move(content), engine_->executor()));
  EXPECT_TRUE(files(".spool").empty());
  EXPECT_TRUE(files(".sums").empty());
}

}  // namespace
}  // namespace flashline::line::tests
