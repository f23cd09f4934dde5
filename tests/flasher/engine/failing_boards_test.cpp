// Boards that vanish, fill, err, hang or lie: each gets its code, and the board beside it passes.

#include <algorithm>

#include "imaging/core/errors/device.h"
#include "tests/flasher/engine/engine_fixture.h"

namespace flashline::line::tests {
namespace {

using imaging::pattern;

struct FailingBoard {
  const char* name;
  SinkCall call;
  std::size_t number;
  SinkFault fault;
  std::string_view code;
};

SinkFault error(Errc code) { return {.error = code}; }

class FailingBoards : public EngineTest, public ::testing::WithParamInterface<FailingBoard> {};

TEST_P(FailingBoards, promise_3_get_their_code_and_leave_the_next_board_alone) {
  start({.stall = std::chrono::milliseconds{50}});
  const auto content = pattern(4_MiB, 1);
  auto plan = table_plan(content);
  plan.hashes = hash_table(content, 131072);
  const auto image = load(std::move(plan), content);
  const auto& row = GetParam();
  const auto failing = std::make_shared<ScriptedSink>(ByteCount{content.size()},
                                                      SinkScript{{{row.call, row.number}, row.fault}}, std::byte{0xee});
  const auto healthy = std::make_shared<ScriptedSink>(ByteCount{content.size()});
  auto failing_run = start_run(request(image, failing));
  auto healthy_run = start_run(request(image, healthy));
  const auto report = failing_run.get();
  EXPECT_EQ(code(report), row.code) << (report.error ? report.error->detail : "");
  EXPECT_TRUE(report.touched);
  EXPECT_EQ(code(healthy_run.get()), "none");
  EXPECT_TRUE(healthy->memory() == content);
}

INSTANTIATE_TEST_SUITE_P(
    Board, FailingBoards,
    ::testing::Values(
        FailingBoard{"unplugged_at_first_write", SinkCall::write, 1, {.unplug = true}, "FL-DEV-004"},
        FailingBoard{"unplugged_at_wipe", SinkCall::zero, 1, {.unplug = true}, "FL-DEV-004"},
        FailingBoard{"unplugged_in_the_middle", SinkCall::write, 3, {.unplug = true}, "FL-DEV-004"},
        FailingBoard{"unplugged_at_last_table", SinkCall::write, 6, {.unplug = true}, "FL-DEV-004"},
        FailingBoard{"unplugged_at_flush", SinkCall::flush, 2, {.unplug = true}, "FL-DEV-004"},
        FailingBoard{"unplugged_at_read_back", SinkCall::read, 5, {.unplug = true}, "FL-DEV-004"},
        FailingBoard{"write_error", SinkCall::write, 2, error(errc::device_write), "FL-DEV-001"},
        FailingBoard{"read_error", SinkCall::read, 2, error(errc::device_read), "FL-DEV-002"},
        FailingBoard{"flush_error", SinkCall::flush, 1, error(errc::device_flush), "FL-DEV-003"},
        FailingBoard{"last_flush_error", SinkCall::flush, 4, error(errc::device_flush), "FL-DEV-003"},
        FailingBoard{"full", SinkCall::write, 2, {.short_after = 4096}, "FL-DEV-005"},
        FailingBoard{"hangs_in_a_write", SinkCall::write, 2, {.stall = std::chrono::hours{1}}, "FL-DEV-006"},
        FailingBoard{"hangs_in_a_flush", SinkCall::flush, 1, {.stall = std::chrono::hours{1}}, "FL-DEV-006"},
        FailingBoard{"hangs_in_a_read", SinkCall::read, 2, {.stall = std::chrono::hours{1}}, "FL-DEV-006"}),
    [](const auto& row) { return std::string{row.param.name}; });

TEST_F(EngineTest, a_write_that_got_lost_is_written_again_and_reported) {
  start();
  const auto content = pattern(4_MiB, 2);
  const auto sink =
      std::make_shared<ScriptedSink>(ByteCount{content.size()}, SinkScript{{{SinkCall::write, 2}, {.drop = true}}});
  const auto report = run(request(load(plain_plan(content, 131072), content), sink));
  ASSERT_EQ(code(report), "none") << report.error->detail;
  EXPECT_TRUE(sink->memory() == content);
  EXPECT_EQ(report.stores[0].rewritten.sectors, 1_MiB / 512);
  EXPECT_EQ(report.stores[0].bad.sectors, 0U);
}

/// A card that says it has twice what it has: late blocks come out where early ones were put.
class WrappingSink final : public transport::BlockSink {
 public:
  explicit WrappingSink(std::uint64_t real) : memory_(real) {
    facts_.path = "wrapping";
    facts_.capacity = ByteCount{2 * real};
  }
  const transport::SinkFacts& facts() const override { return facts_; }
  asio::awaitable<Status> write(ByteOffset at, transport::IoBuffer data) override {
    for (std::size_t i = 0; i < data.bytes.size(); ++i) memory_[(at.value + i) % memory_.size()] = data.bytes[i];
    co_return Status{};
  }
  asio::awaitable<Status> flush() override { co_return Status{}; }
  asio::awaitable<Status> read(ByteOffset at, transport::IoBuffer into) override {
    for (std::size_t i = 0; i < into.bytes.size(); ++i) into.bytes[i] = memory_[(at.value + i) % memory_.size()];
    co_return Status{};
  }
  asio::awaitable<Status> discard(ByteOffset, ByteCount) override { co_return Status{}; }
  asio::awaitable<Status> zero(ByteOffset at, ByteCount length) override {
    for (std::uint64_t i = 0; i < length.value; ++i) memory_[(at.value + i) % memory_.size()] = std::byte{0};
    co_return Status{};
  }

 private:
  std::vector<std::byte> memory_;
  transport::SinkFacts facts_;
};

// Each repair of a wrapping card destroys a block that was found right before it.
TEST_F(EngineTest, a_repair_that_spoils_another_block_does_not_pass) {
  start();
  const auto content = pattern(4_MiB, 8);
  const auto report = run(request(load(table_plan(content), content), std::make_shared<WrappingSink>(2_MiB)));
  EXPECT_EQ(code(report), "FL-DEV-007");
  EXPECT_GT(report.stores[0].bad.sectors, 0U);
}

TEST_F(EngineTest, a_flipped_bit_costs_one_granule_and_says_where) {
  start();
  const auto content = pattern(2_MiB, 3);
  const auto sink =
      std::make_shared<ScriptedSink>(ByteCount{content.size()}, SinkScript{{{SinkCall::write, 1}, {.flip = 300000}}});
  const auto report = run(request(load(plain_plan(content, 131072), content), sink));
  ASSERT_EQ(code(report), "none") << report.error->detail;
  EXPECT_TRUE(sink->memory() == content);
  ASSERT_EQ(report.stores[0].rewritten.ranges.size(), 1U);
  EXPECT_EQ(report.stores[0].rewritten.sectors, 131072U / 512);
}

TEST_F(EngineTest, a_medium_that_loses_it_twice_fails_with_its_lbas_and_stays_unbootable) {
  start();
  const auto content = pattern(2_MiB, 4);
  SinkScript script;
  script[{SinkCall::write, 2}] = {.flip = 5};
  script[{SinkCall::write, 3}] = {.drop = true};  // the same granule again
  auto plan = table_plan(content);
  plan.hashes = hash_table(content, 131072);
  const auto sink = std::make_shared<ScriptedSink>(ByteCount{content.size()}, script);
  const auto report = run(request(load(std::move(plan), content), sink));
  ASSERT_EQ(code(report), "FL-DEV-007");
  ASSERT_EQ(report.stores[0].bad.ranges.size(), 1U);
  EXPECT_EQ(report.stores[0].bad.sectors, 131072U / 512);
  EXPECT_EQ(report.stores[0].rewritten, report.stores[0].bad);
  EXPECT_TRUE(std::ranges::all_of(std::span{sink->memory()}.first(128_KiB),
                                  [](std::byte byte) { return byte == std::byte{}; }));
}

TEST_F(EngineTest, promise_2_a_final_table_that_does_not_read_back_is_taken_away) {
  start();
  const auto content = pattern(1_MiB, 5);
  SinkScript script;
  for (const std::size_t number : {2U, 4U}) script[{SinkCall::write, number}] = {.flip = 7};
  const auto sink = std::make_shared<ScriptedSink>(ByteCount{content.size()}, script);
  const auto report = run(request(load(table_plan(content), content), sink));
  ASSERT_EQ(code(report), "FL-DEV-007") << sink->log.size();
  const auto is_zero = [](std::byte byte) { return byte == std::byte{}; };
  EXPECT_TRUE(std::ranges::all_of(std::span{sink->memory()}.first(128_KiB), is_zero));
  EXPECT_TRUE(std::ranges::all_of(std::span{sink->memory()}.last(128_KiB), is_zero));
}

TEST_F(EngineTest, a_card_of_fake_capacity_fails_though_every_write_succeeds) {
  start();
  const auto content = pattern(8_MiB, 6);
  SinkScript script;
  for (std::size_t number = 5; number < 100; ++number) script[{SinkCall::write, number}] = {.drop = true};
  const auto sink = std::make_shared<ScriptedSink>(ByteCount{content.size()}, script);
  const auto report = run(request(load(plain_plan(content, 131072), content), sink));
  EXPECT_EQ(code(report), "FL-DEV-007");
  EXPECT_EQ(report.stores[0].bad.sectors, 4_MiB / 512);
}

TEST_F(EngineTest, a_cancelled_run_stops_between_operations_and_leaves_no_table) {
  start();
  const auto content = pattern(16_MiB, 7);
  const auto sink = std::make_shared<GatedSink>(ByteCount{content.size()}, 2);
  auto wanted = request(load(table_plan(content), content), sink);
  const auto control = wanted.control;
  auto running = start_run(std::move(wanted));
  while (await([&]() -> asio::awaitable<std::size_t> { co_return sink->asked; }()) < 3) std::this_thread::yield();
  control->cancel();
  sink->open(engine_->executor());
  const auto report = running.get();
  EXPECT_EQ(code(report), "FL-DEV-008");
  EXPECT_LT(report.written().value, content.size());
  EXPECT_TRUE(std::ranges::all_of(std::span{sink->board.memory()}.first(128_KiB),
                                  [](std::byte byte) { return byte == std::byte{}; }));
}

TEST_F(EngineTest, an_engine_that_ends_cancels_its_runs) {
  start();
  const auto content = pattern(16_MiB, 8);
  const auto sink = std::make_shared<GatedSink>(ByteCount{content.size()}, 2);
  auto running = start_run(request(load(table_plan(content), content), sink));
  while (await([&]() -> asio::awaitable<std::size_t> { co_return sink->asked; }()) < 3) std::this_thread::yield();
  sink->open(engine_->executor());
  engine_.reset();
  const auto report = running.get();
  EXPECT_TRUE(code(report) == "FL-DEV-008" || code(report) == "none");
}

struct RefusedTarget {
  const char* name;
  std::uint64_t capacity;
  std::uint32_t sector_size;
  WriteOptions options;
  std::string_view code;
};

class RefusedTargets : public EngineTest, public ::testing::WithParamInterface<RefusedTarget> {};

TEST_P(RefusedTargets, are_not_touched) {
  start();
  const auto content = pattern(2_MiB, 9);
  auto plan = table_plan(content);
  plan.needs.platform_ids = {"Contoso.Panel.One"};
  const auto& row = GetParam();
  const auto sink = std::make_shared<ScriptedSink>(ByteCount{row.capacity});
  auto facts = sink->facts();
  facts.sector_size = row.sector_size;
  sink->set_facts(facts);
  const auto wanted = request(load(std::move(plan), content), sink, row.options);
  const auto refused = check_request(wanted);
  ASSERT_FALSE(refused);
  EXPECT_EQ(code_of(refused.error().code), row.code);
  const auto report = run(wanted);
  EXPECT_EQ(code(report), row.code);
  EXPECT_FALSE(report.touched);
  EXPECT_TRUE(sink->log.empty());
}

INSTANTIATE_TEST_SUITE_P(
    Target, RefusedTargets,
    ::testing::Values(RefusedTarget{"too_small", 1_MiB, 512, {}, "FL-TGT-002"},
                      RefusedTarget{"other_sector_size", 2_MiB, 4096, {}, "FL-TGT-004"},
                      RefusedTarget{"other_size_than_the_gpt", 3_MiB, 512, {}, "FL-TGT-007"},
                      RefusedTarget{
                          "not_the_expected_size", 2_MiB, 512, {.expect_size = ByteCount{4_MiB}}, "FL-TGT-008"},
                      RefusedTarget{"another_board", 2_MiB, 512, {.platforms = {"Contoso.Panel.Two"}}, "FL-TGT-009"}),
    [](const auto& row) { return std::string{row.param.name}; });

TEST_F(EngineTest, an_image_whose_ends_meet_on_a_medium_of_this_size_is_refused) {
  start();
  const auto content = pattern(2_MiB, 9);
  auto plan = plain_plan(content);
  imaging::Run from_end = plan.phases.front().runs.front();
  from_end.place = {imaging::Place::Anchor::end, 64_KiB};
  from_end.length = ByteCount{64_KiB};
  plan.phases.front().runs.push_back(from_end);
  const auto image = load(std::move(plan), content);
  const auto smaller = std::make_shared<ScriptedSink>(ByteCount{2_MiB});
  EXPECT_EQ(code_of(check_request(request(image, smaller)).error().code), "FL-IMG-007");
  const auto larger = std::make_shared<ScriptedSink>(ByteCount{2_MiB + 64_KiB});
  EXPECT_TRUE(check_request(request(image, larger)));
}

TEST_F(EngineTest, stores_and_targets_have_to_match) {
  start();
  const auto content = pattern(2_MiB, 10);
  write_content(content);
  const auto image = load({{"", plain_plan(content)}, {"VenHw(B)", plain_plan(content)}}, content.size());
  const auto sink = std::make_shared<ScriptedSink>(ByteCount{content.size()});
  auto wanted = request(image, sink);
  EXPECT_EQ(code_of(check_request(wanted).error().code), "FL-TGT-050");
  wanted.targets.push_back({"VenHw(C)", sink, {}});
  EXPECT_EQ(code_of(check_request(wanted).error().code), "FL-TGT-050");
  wanted.targets.back().device_path = "";
  EXPECT_EQ(code_of(check_request(wanted).error().code), "FL-TGT-050");
  wanted.targets.back().device_path = "VenHw(B)";
  EXPECT_TRUE(check_request(wanted));
}

}  // namespace
}  // namespace flashline::line::tests
