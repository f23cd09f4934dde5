#include "flasher/engine/engine.h"

#include <algorithm>

#include "tests/flasher/engine/engine_fixture.h"

namespace flashline::line::tests {
namespace {

using imaging::pattern;

TEST_F(EngineTest, writes_and_verifies_every_byte) {
  start();
  const auto content = pattern(5_MiB + 512, 1);
  const auto sink = std::make_shared<ScriptedSink>(ByteCount{7_MiB}, SinkScript{}, std::byte{0x55});
  const auto report = run(request(load(plain_plan(content), content), sink, {.stale = StalePolicy::zero}));
  ASSERT_EQ(code(report), "none") << report.error->detail;
  auto expected = content;
  expected.resize(7_MiB, std::byte{0x55});
  // Past the image's area only the last MiB of the medium is the policy's.
  std::fill(expected.begin() + 6_MiB, expected.end(), std::byte{0});
  EXPECT_TRUE(sink->memory() == expected);
  EXPECT_EQ(report.written().value, content.size());
  EXPECT_EQ(report.stores[0].rewritten.sectors, 0U);
  EXPECT_EQ(report.reached, RunStep::done);
  EXPECT_TRUE(report.touched);
  ASSERT_TRUE(report.image_digest);
}

TEST_F(EngineTest, promise_4_sixteen_boards_in_step_read_and_hash_the_image_once) {
  start({.cache = ByteCount{8_MiB}, .patience = std::chrono::hours{1}});
  const auto content = pattern(40_MiB, 2);
  for (const std::uint32_t unit : {0U, 131072U}) {
    auto plan = table_plan(content);
    if (unit != 0) plan.hashes = hash_table(content, unit);
    const auto image = load(std::move(plan), content);
    const auto before = engine_->metrics();
    std::vector<std::shared_ptr<ScriptedSink>> sinks;
    std::vector<RunRequest> requests;
    for (int i = 0; i < 16; ++i) {
      sinks.push_back(std::make_shared<ScriptedSink>(ByteCount{content.size()}));
      requests.push_back(request(image, sinks.back()));
    }
    for (auto& each : start_together(std::move(requests))) {
      const auto report = each.get();
      ASSERT_EQ(code(report), "none") << report.error->detail;
      EXPECT_GE(report.verified().value, content.size());
    }
    for (auto& sink : sinks) EXPECT_TRUE(sink->memory() == content);
    const auto after = engine_->metrics();
    EXPECT_EQ(after.bytes_read - before.bytes_read, content.size()) << "unit " << unit;
    EXPECT_EQ(after.bytes_hashed - before.bytes_hashed, content.size()) << "unit " << unit;
    EXPECT_EQ(after.detached, 0U);
  }
}

TEST_F(EngineTest, promise_4_memory_is_bounded_by_the_buffers_there_are) {
  start({.cache = ByteCount{4_MiB}});
  const auto content = pattern(32_MiB, 3);
  const auto image = load(plain_plan(content, 131072), content);
  std::vector<std::future<RunReport>> runs;
  for (int i = 0; i < 8; ++i) {
    runs.push_back(start_run(request(image, std::make_shared<ScriptedSink>(ByteCount{content.size()}))));
  }
  for (auto& each : runs) EXPECT_EQ(code(each.get()), "none");
  EXPECT_EQ(engine_->metrics().buffers, 4U);
  EXPECT_LE(engine_->metrics().buffers_held, 4U);
}

TEST_F(EngineTest, promise_3_a_board_that_hangs_does_not_stop_seven_others) {
  start({.cache = ByteCount{16_MiB}, .patience = std::chrono::milliseconds{20}});
  const auto content = pattern(64_MiB, 4);
  const auto image = load(plain_plan(content, 131072), content);
  const auto slow = std::make_shared<GatedSink>(ByteCount{content.size()}, 3);
  std::vector<RunRequest> requests;
  for (int i = 0; i < 7; ++i) {
    requests.push_back(request(image, std::make_shared<ScriptedSink>(ByteCount{content.size()})));
  }
  requests.push_back(request(image, slow));
  auto runs = start_together(std::move(requests));
  auto slow_run = std::move(runs.back());
  runs.pop_back();
  // They end though the slow one, whose gate is shut, cannot make a step: nobody waits for it.
  for (auto& each : runs) EXPECT_EQ(code(each.get()), "none");
  EXPECT_EQ(slow_run.wait_for(std::chrono::seconds{0}), std::future_status::timeout);
  EXPECT_EQ(engine_->metrics().detached, 1U);
  slow->open(engine_->executor());
  EXPECT_EQ(code(slow_run.get()), "none");
  EXPECT_TRUE(slow->board.memory() == content);
  // One pass for the seven, at most one more for the slow one.
  EXPECT_LE(engine_->metrics().bytes_read, 2 * content.size());
}

TEST_F(EngineTest, promise_3_one_fast_board_does_not_make_seven_slow_ones_read_for_themselves) {
  start({.cache = ByteCount{8_MiB}, .patience = std::chrono::milliseconds{20}});
  const auto content = pattern(32_MiB, 5);
  const auto image = load(plain_plan(content, 131072), content);
  std::vector<std::shared_ptr<GatedSink>> slow;
  std::vector<RunRequest> requests;
  for (int i = 0; i < 7; ++i) {
    slow.push_back(std::make_shared<GatedSink>(ByteCount{content.size()}));
    requests.push_back(request(image, slow.back()));
  }
  requests.push_back(request(image, std::make_shared<ScriptedSink>(ByteCount{content.size()})));
  auto runs = start_together(std::move(requests));
  EXPECT_EQ(code(runs.back().get()), "none");
  runs.pop_back();
  EXPECT_EQ(engine_->metrics().detached, 1U);
  for (auto& sink : slow) sink->open(engine_->executor());
  for (auto& each : runs) EXPECT_EQ(code(each.get()), "none");
  EXPECT_EQ(engine_->metrics().detached, 1U);
  EXPECT_LE(engine_->metrics().bytes_read, 2 * content.size());
}

TEST_F(EngineTest, a_board_that_joins_late_reads_for_itself_and_passes) {
  start({.cache = ByteCount{8_MiB}});
  const auto content = pattern(32_MiB, 6);
  const auto image = load(plain_plan(content, 131072), content);
  const auto first = std::make_shared<GatedSink>(ByteCount{content.size()}, 20);
  auto first_run = start_run(request(image, first));
  // The first is past the middle of the cache once it hangs at its twenty-first write.
  while (await([&]() -> asio::awaitable<std::size_t> { co_return first->asked; }()) < 21) std::this_thread::yield();
  const auto late = std::make_shared<ScriptedSink>(ByteCount{content.size()});
  EXPECT_EQ(code(run(request(image, late))), "none");
  EXPECT_TRUE(late->memory() == content);
  EXPECT_EQ(engine_->metrics().detached, 1U);
  first->open(engine_->executor());
  EXPECT_EQ(code(first_run.get()), "none");
}

TEST_F(EngineTest, promise_1_content_damaged_in_mid_run_reaches_no_board) {
  start({.cache = ByteCount{4_MiB}});
  const auto content = pattern(24_MiB, 7);
  const auto image = load(plain_plan(content, 131072), content);
  damage(16_MiB + 300000);
  const auto bad_unit = (16_MiB + 300000) / 131072 * 131072;
  std::vector<std::shared_ptr<ScriptedSink>> sinks;
  std::vector<std::future<RunReport>> runs;
  for (int i = 0; i < 3; ++i) {
    sinks.push_back(std::make_shared<ScriptedSink>(ByteCount{content.size()}, SinkScript{}, std::byte{0xee}));
    runs.push_back(start_run(request(image, sinks.back())));
  }
  for (auto& each : runs) EXPECT_EQ(code(each.get()), "FL-IMG-005");
  for (auto& sink : sinks) {
    for (const auto& call : sink->log) {
      if (call.kind != SinkCall::write) continue;
      EXPECT_FALSE(call.at.value < bad_unit + 131072 && bad_unit < call.at.value + call.length.value);
    }
  }
}

TEST_F(EngineTest, unsigned_content_that_changes_after_its_first_reading_is_noticed) {
  start({.cache = ByteCount{4_MiB}});
  const auto content = pattern(16_MiB, 8);
  const auto image = load(plain_plan(content), content);
  EXPECT_EQ(code(run(request(image, std::make_shared<ScriptedSink>(ByteCount{content.size()})))), "none");
  damage(2_MiB);
  EXPECT_EQ(code(run(request(image, std::make_shared<ScriptedSink>(ByteCount{content.size()})))), "FL-IMG-006");
}

TEST_F(EngineTest, hash_units_larger_than_a_buffer_are_checked_as_a_whole) {
  start({.cache = ByteCount{4_MiB}});
  const auto content = pattern(10_MiB, 9);
  const auto image = load(plain_plan(content, 4_MiB), content);
  const auto sink = std::make_shared<ScriptedSink>(ByteCount{content.size()});
  EXPECT_EQ(code(run(request(image, sink))), "none");
  EXPECT_TRUE(sink->memory() == content);
  damage(9_MiB);
  const auto again = load(plain_plan(content, 4_MiB), content);
  damage(5_MiB);
  EXPECT_EQ(code(run(request(again, std::make_shared<ScriptedSink>(ByteCount{content.size()})))), "FL-IMG-005");
}

TEST_F(EngineTest, an_overlay_is_written_and_verified_without_reading_the_image_again) {
  start();
  const auto content = pattern(8_MiB, 10);
  const auto image = load(plain_plan(content, 131072), content);
  std::vector<std::shared_ptr<ScriptedSink>> sinks;
  std::vector<std::future<RunReport>> runs;
  auto expected = std::vector{content, content};
  for (std::uint32_t i = 0; i < 2; ++i) {
    const auto mine = pattern(8192, 100 + i);
    sinks.push_back(std::make_shared<ScriptedSink>(ByteCount{content.size()}));
    auto wanted = request(image, sinks.back());
    wanted.targets[0].overlay.extents = {{ByteOffset{3_MiB + 4096}, mine}, {ByteOffset{7_MiB}, pattern(4096, 200 + i)}};
    std::ranges::copy(mine, expected[i].begin() + 3_MiB + 4096);
    std::ranges::copy(pattern(4096, 200 + i), expected[i].begin() + 7_MiB);
    runs.push_back(start_run(std::move(wanted)));
  }
  for (auto& each : runs) {
    const auto report = each.get();
    ASSERT_EQ(code(report), "none") << report.error->detail;
    EXPECT_EQ(report.verified().value, content.size());
  }
  for (std::size_t i = 0; i < 2; ++i) EXPECT_TRUE(sinks[i]->memory() == expected[i]);
  EXPECT_EQ(engine_->metrics().bytes_read, content.size());
}

TEST_F(EngineTest, runs_of_a_phase_that_overlap_keep_their_order) {
  start();
  const auto content = pattern(8_MiB, 11);
  BlockPlan plan;
  plan.phases = {{Phase::Kind::data,
                  {content_run(0, 3_MiB, 0), content_run(1_MiB, 1_MiB, 5_MiB), content_run(1_MiB + 4096, 4096, 7_MiB),
                   zero_run(2_MiB, 8192)}}};
  plan.needs.min_size = ByteCount{3_MiB};
  plan.hashes = hash_table(content, 131072);
  std::vector<std::byte> expected{content.begin(), content.begin() + 3_MiB};
  std::ranges::copy_n(content.begin() + 5_MiB, 1_MiB, expected.begin() + 1_MiB);
  std::ranges::copy_n(content.begin() + 7_MiB, 4096, expected.begin() + 1_MiB + 4096);
  std::fill_n(expected.begin() + 2_MiB, 8192, std::byte{0});
  const auto sink = std::make_shared<ScriptedSink>(ByteCount{3_MiB});
  const auto report = run(request(load(plan, content), sink));
  ASSERT_EQ(code(report), "none") << report.error->detail;
  EXPECT_TRUE(sink->memory() == expected);
}

}  // namespace
}  // namespace flashline::line::tests
