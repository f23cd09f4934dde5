// What becomes of old bytes where the image has holes, by each policy; and the order of several stores.

#include <algorithm>

#include "imaging/core/errors/device.h"
#include "tests/flasher/engine/engine_fixture.h"

namespace flashline::line::tests {
namespace {

using imaging::pattern;

constexpr std::byte stale{0xa5};

bool is_filled(std::span<const std::byte> bytes, std::byte with) {
  return std::ranges::all_of(bytes, [&](std::byte byte) { return byte == with; });
}

class HolesTest : public EngineTest {
 protected:
  /// Data at 1 MiB and at 6 MiB of an image of 8 MiB.
  void SetUp() override {
    content_ = pattern(2_MiB, 1);
    plan_.phases = {{Phase::Kind::data, {content_run(1_MiB, 1_MiB, 0), content_run(6_MiB, 1_MiB, 1_MiB)}}};
    plan_.needs.min_size = ByteCount{8_MiB};
    plan_.hashes = hash_table(content_, 131072);
  }

  std::shared_ptr<ScriptedSink> board(bool can_discard, SinkScript script = {}, std::byte old = stale) {
    const auto sink = std::make_shared<ScriptedSink>(ByteCount{12_MiB}, std::move(script), old);
    auto facts = sink->facts();
    facts.can_discard = can_discard;
    sink->set_facts(facts);
    return sink;
  }

  void expect_data(const ScriptedSink& sink) {
    EXPECT_TRUE(std::equal(content_.begin(), content_.begin() + 1_MiB, sink.memory().begin() + 1_MiB));
    EXPECT_TRUE(std::equal(content_.begin() + 1_MiB, content_.end(), sink.memory().begin() + 6_MiB));
  }

  /// The image's area without its data, and the last MiB.
  void expect_holes(const ScriptedSink& sink, std::byte with) {
    const std::span memory{sink.memory()};
    EXPECT_TRUE(is_filled(memory.first(1_MiB), with));
    EXPECT_TRUE(is_filled(memory.subspan(2_MiB, 4_MiB), with));
    EXPECT_TRUE(is_filled(memory.subspan(7_MiB, 1_MiB), with));
    EXPECT_TRUE(is_filled(memory.last(1_MiB), with));
    EXPECT_TRUE(is_filled(memory.subspan(8_MiB, 3_MiB), stale));
  }

  std::vector<std::byte> content_;
  BlockPlan plan_;
};

TEST_F(HolesTest, zero_writes_zeros_and_verifies_them) {
  start();
  const auto sink = board(true);
  const auto report = run(request(load(plan_, content_), sink, {.stale = StalePolicy::zero}));
  ASSERT_EQ(code(report), "none") << report.error->detail;
  expect_data(*sink);
  expect_holes(*sink, std::byte{0});
  EXPECT_EQ(report.verified().value, 9_MiB);
}

TEST_F(HolesTest, keep_leaves_them) {
  start();
  const auto sink = board(true);
  ASSERT_EQ(code(run(request(load(plan_, content_), sink, {.stale = StalePolicy::keep}))), "none");
  expect_data(*sink);
  expect_holes(*sink, stale);
  EXPECT_EQ(sink->calls(SinkCall::zero), 0U);
  EXPECT_EQ(sink->calls(SinkCall::discard), 0U);
}

// The scripted medium keeps its bytes when it is told to discard, as many readers do.
TEST_F(HolesTest, discard_verified_zeroes_what_a_discard_left) {
  start();
  for (const bool can_discard : {true, false}) {
    const auto sink = board(can_discard);
    const auto report = run(request(load(plan_, content_), sink, {.stale = StalePolicy::discard_verified}));
    ASSERT_EQ(code(report), "none") << report.error->detail;
    expect_data(*sink);
    expect_holes(*sink, std::byte{0});
    EXPECT_EQ(sink->calls(SinkCall::discard), can_discard ? 4U : 0U);
  }
}

TEST_F(HolesTest, discard_verified_writes_nothing_where_a_discard_cleared) {
  start();
  const auto sink = board(true, {}, std::byte{0});
  const auto report = run(request(load(plan_, content_), sink, {.stale = StalePolicy::discard_verified}));
  ASSERT_EQ(code(report), "none") << report.error->detail;
  EXPECT_EQ(report.stores[0].zeroed.value, 0U);
  EXPECT_EQ(report.stores[0].discarded.value, 7_MiB);
}

TEST_F(HolesTest, a_failing_discard_falls_back_to_zeros) {
  start();
  const auto sink = board(true, {{{SinkCall::discard, 2}, {.error = errc::device_write}}});
  ASSERT_EQ(code(run(request(load(plan_, content_), sink, {.stale = StalePolicy::discard_verified}))), "none");
  expect_holes(*sink, std::byte{0});
}

TEST_F(HolesTest, holes_that_cannot_be_cleared_fail_with_their_lbas) {
  start();
  SinkScript script;
  for (std::size_t number = 1; number < 20; ++number) script[{SinkCall::zero, number}] = {.drop = true};
  const auto report =
      run(request(load(plan_, content_), board(false, script), {.stale = StalePolicy::discard_verified}));
  ASSERT_EQ(code(report), "FL-DEV-007");
  EXPECT_GT(report.stores[0].bad.sectors, 0U);
}

TEST_F(EngineTest, without_verify_nothing_is_read_back_but_holes) {
  start();
  const auto content = pattern(2_MiB, 2);
  const auto sink = std::make_shared<ScriptedSink>(ByteCount{content.size()});
  const auto report = run(request(load(table_plan(content), content), sink, {.verify = false}));
  ASSERT_EQ(code(report), "none");
  EXPECT_EQ(sink->calls(SinkCall::read), 0U);
  EXPECT_EQ(report.verified().value, 0U);
  EXPECT_TRUE(sink->memory() == content);
}

TEST_F(EngineTest, promise_2_the_table_of_the_first_store_is_the_last_thing_written) {
  start();
  const auto content = pattern(2_MiB, 3);
  write_content(content);
  const auto image = load({{"", table_plan(content)}, {"VenHw(B)", table_plan(content)}}, content.size());
  const auto boot = std::make_shared<GatedSink>(ByteCount{content.size()}, 2);
  const auto other = std::make_shared<ScriptedSink>(ByteCount{content.size()});
  auto wanted = request(image, boot);
  wanted.targets.push_back({"VenHw(B)", other, {}});
  auto running = start_run(std::move(wanted));
  // The first store hangs at its third write, the first of its table: by then the other one is complete.
  while (await([&]() -> asio::awaitable<std::size_t> { co_return boot->asked; }()) < 3) std::this_thread::yield();
  EXPECT_TRUE(await([&]() -> asio::awaitable<bool> { co_return other->memory() == content; }()));
  boot->open(engine_->executor());
  EXPECT_EQ(code(running.get()), "none");
  EXPECT_TRUE(boot->board.memory() == content);
}

}  // namespace
}  // namespace flashline::line::tests
