// Boards that are pulled out in the middle and put back: what was durable is looked at and kept, the rest is written.

#include <algorithm>
#include <random>

#include "flasher/slot/detail/write_journal.h"
#include "imaging/core/errors/device.h"
#include "tests/flasher/engine/engine_fixture.h"

namespace flashline::line::tests {
namespace {

using imaging::Extent;
using imaging::pattern;

/// A medium with a cache of its own: what was not flushed when it is pulled out is lost, some of it or all.
class CachingBoard final : public transport::BlockSink {
 public:
  explicit CachingBoard(std::size_t size, std::uint64_t seed = 0)
      : flushed_(size, std::byte{0xee}), now_{flushed_}, chance_{seed} {
    facts_.path = "caching";
    facts_.capacity = ByteCount{size};
    facts_.medium = "card-1";
  }

  const transport::SinkFacts& facts() const override { return facts_; }
  asio::awaitable<Status> write(ByteOffset at, transport::IoBuffer data) override {
    FL_CO_CHECK(still_in());
    std::ranges::copy(data.bytes, now_.begin() + static_cast<std::ptrdiff_t>(at.value));
    unflushed_.push_back({at, ByteCount{data.bytes.size()}});
    written += data.bytes.size();
    co_return Status{};
  }
  asio::awaitable<Status> flush() override {
    FL_CO_CHECK(still_in());
    for (const auto& extent : unflushed_) keep(extent);
    unflushed_.clear();
    co_return Status{};
  }
  asio::awaitable<Status> read(ByteOffset at, transport::IoBuffer into) override {
    FL_CO_CHECK(still_in());
    std::copy_n(now_.begin() + static_cast<std::ptrdiff_t>(at.value), into.bytes.size(), into.bytes.begin());
    co_return Status{};
  }
  asio::awaitable<Status> discard(ByteOffset, ByteCount) override { co_return Status{}; }
  asio::awaitable<Status> zero(ByteOffset at, ByteCount length) override {
    FL_CO_CHECK(still_in());
    std::fill_n(now_.begin() + static_cast<std::ptrdiff_t>(at.value), length.value, std::byte{0});
    unflushed_.push_back({at, length});
    co_return Status{};
  }

  void unplug_after(std::uint64_t calls) { left_ = calls; }
  /// Back in its slot, with what its flash holds.
  void put_back() {
    for (const auto& extent : unflushed_) {
      if (chance_() % 2 == 0) keep(extent);
    }
    unflushed_.clear();
    now_ = flushed_;
    left_ = ~std::uint64_t{0};
  }
  std::vector<std::byte>& memory() { return now_; }
  std::uint64_t written = 0;

 private:
  Status still_in() {
    if (left_ == 0) return fail(errc::device_gone, "unplugged");
    --left_;
    return {};
  }
  void keep(const Extent& extent) {
    const auto at = static_cast<std::ptrdiff_t>(extent.at.value);
    std::copy_n(now_.begin() + at, extent.length.value, flushed_.begin() + at);
  }

  transport::SinkFacts facts_;
  std::vector<std::byte> flushed_;
  std::vector<std::byte> now_;
  std::vector<Extent> unflushed_;
  std::mt19937_64 chance_;
  std::uint64_t left_ = ~std::uint64_t{0};
};

class ResumeTest : public EngineTest {
 protected:
  static constexpr std::uint64_t size = 24_MiB;

  std::shared_ptr<LoadedImage> loaded() {
    content_ = pattern(size, 7);
    auto plan = table_plan(content_);
    plan.hashes = hash_table(content_, 131072);
    return load(std::move(plan), content_);
  }

  /// Runs with what `noted_` holds, and adds to it.
  RunReport attempt(const std::shared_ptr<LoadedImage>& image, const std::shared_ptr<CachingBoard>& board) {
    auto request = EngineTest::request(image, board);
    auto resume = std::make_shared<Resume>();
    resume->durable = line::detail::joined(noted_);
    resume->every = ByteCount{2_MiB};
    resume->note = [this](std::vector<Extent> extents) { noted_.insert(noted_.end(), extents.begin(), extents.end()); };
    request.targets[0].resume = resume;
    return run(std::move(request));
  }

  std::uint64_t noted_bytes() const {
    std::uint64_t sum = 0;
    for (const auto& extent : line::detail::joined(noted_)) sum += extent.length.value;
    return sum;
  }

  std::vector<std::byte> content_;
  std::vector<Extent> noted_;
};

TEST_F(ResumeTest, a_hundred_unplugged_boards_end_right_and_the_journal_never_lies) {
  start();
  const auto image = loaded();
  std::mt19937_64 chance{20261123};
  std::uint64_t resumed = 0;
  for (unsigned round = 0; round < 100; ++round) {
    const auto board = std::make_shared<CachingBoard>(size, round);
    noted_.clear();
    board->unplug_after(chance() % 160);
    const auto cut = attempt(image, board);
    if (code(cut) == "none") continue;  // it was done before
    ASSERT_EQ(code(cut), "FL-DEV-004") << cut.error->detail;
    board->put_back();
    for (const auto& extent : noted_) {
      const auto at = static_cast<std::ptrdiff_t>(extent.at.value);
      ASSERT_TRUE(std::equal(content_.begin() + at,
                             content_.begin() + at + static_cast<std::ptrdiff_t>(extent.length.value),
                             board->memory().begin() + at))
          << "round " << round << " at " << extent.at.value;
    }
    const auto remembered = noted_bytes();
    const auto report = attempt(image, board);
    ASSERT_EQ(code(report), "none") << "round " << round << ": " << report.error->detail;
    ASSERT_TRUE(board->memory() == content_) << "round " << round;
    EXPECT_LE(report.resumed().value, remembered);
    resumed += report.resumed().value;
  }
  EXPECT_GT(resumed, 100_MiB) << "otherwise nothing was resumed at all";
}

TEST_F(ResumeTest, what_is_remembered_is_not_believed) {
  start();
  const auto image = loaded();
  const auto board = std::make_shared<CachingBoard>(size);
  board->unplug_after(30);
  ASSERT_EQ(code(attempt(image, board)), "FL-DEV-004");
  board->put_back();
  ASSERT_GE(noted_bytes(), 4_MiB);
  auto& spoilt = board->memory()[noted_.front().at.value + 4096];
  spoilt = ~spoilt;
  const auto report = attempt(image, board);
  ASSERT_EQ(code(report), "none") << report.error->detail;
  EXPECT_TRUE(board->memory() == content_);
  EXPECT_EQ(report.stores[0].rewritten.sectors, 0U) << "found before it was written, not after";
}

TEST_F(ResumeTest, a_board_that_is_whole_is_hardly_written_again) {
  start();
  const auto image = loaded();
  const auto board = std::make_shared<CachingBoard>(size);
  ASSERT_EQ(code(attempt(image, board)), "none");
  const auto first = board->written;
  const auto report = attempt(image, board);
  ASSERT_EQ(code(report), "none");
  EXPECT_EQ(report.resumed().value, size - 2 * 128_KiB);
  EXPECT_EQ(board->written - first, 2 * 128_KiB) << "the tables are always written";
}

TEST_F(ResumeTest, nothing_is_flushed_more_often_than_asked_for_where_nobody_remembers) {
  start();
  const auto image = loaded();
  const auto plain = std::make_shared<ScriptedSink>(ByteCount{size});
  ASSERT_EQ(code(run(request(image, plain))), "none");
  const auto flushes = plain->calls(SinkCall::flush);
  EXPECT_LE(flushes, 6);
}

}  // namespace
}  // namespace flashline::line::tests
