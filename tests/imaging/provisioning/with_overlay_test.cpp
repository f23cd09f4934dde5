#include <gtest/gtest.h>
#include <random>

#include "imaging/core/errors/image.h"
#include "imaging/provisioning/unit_overlay.h"
#include "tests/fakes/memory_disk.h"

namespace flashline::imaging {
namespace {

using Kind = Phase::Kind;

/// The usual shape: zeros over the tables, data with a hole at [6000, 7000), the tables.
BlockPlan table_plan() {
  return {.phases = {{Kind::initial_table, {zero_run(0, 1000), zero_run(9000, 1000)}},
                     {Kind::data, {content_run(1000, 5000, 1000), content_run(7000, 1500, 7000)}},
                     {Kind::flash_only_table, {content_run(0, 1000, 20)}},
                     {Kind::final_table, {content_run(0, 1000, 0)}}}};
}

UnitOverlay overlay(std::uint64_t at, std::size_t count) { return {{{ByteOffset{at}, pattern(count, 77)}}}; }

struct Case {
  const char* name;
  UnitOverlay overlay;
  std::vector<std::size_t> runs_per_phase;
};

class WithOverlay : public testing::TestWithParam<Case> {};

TEST_P(WithOverlay, PutsTheUnitsBytesWhereTheyBelong) {
  const auto content = content_of(pattern(10'000, 1));
  MemoryDisk expected{10'000};
  ASSERT_TRUE(expected.apply(table_plan(), content).has_value());
  for (const auto& extent : GetParam().overlay.extents)
    ASSERT_TRUE(expected.write(extent.at, extent.bytes).has_value());

  const auto merged = with_overlay(table_plan(), GetParam().overlay, ByteCount{10'000});
  ASSERT_TRUE(merged.has_value());
  MemoryDisk disk{10'000};
  ASSERT_TRUE(disk.apply(*merged, content).has_value());
  EXPECT_EQ(disk.bytes, expected.bytes);

  std::vector<std::size_t> counts;
  for (const auto& phase : merged->phases) counts.push_back(phase.runs.size());
  EXPECT_EQ(counts, GetParam().runs_per_phase);
  EXPECT_EQ(merged->phases[0].runs, table_plan().phases[0].runs) << "zeros over the tables stay";
  EXPECT_EQ(merged->phases[2].runs, table_plan().phases[2].runs) << "what is overwritten later stays";
}

UnitOverlay both(UnitOverlay first, const UnitOverlay& second) {
  first.extents.insert(first.extents.end(), second.extents.begin(), second.extents.end());
  return first;
}

INSTANTIATE_TEST_SUITE_P(
    Provisioning, WithOverlay,
    testing::Values(Case{"nothing", {}, {2, 2, 1, 1}}, Case{"inside_a_run", overlay(2000, 100), {2, 4, 1, 1}},
                    Case{"start_of_a_run", overlay(1000, 100), {2, 3, 1, 1}},
                    Case{"end_of_a_run", overlay(5900, 100), {2, 3, 1, 1}},
                    Case{"a_whole_run", overlay(7000, 1500), {2, 2, 1, 1}},
                    Case{"in_a_hole", overlay(6100, 100), {2, 3, 1, 1}},
                    Case{"across_run_hole_and_run", overlay(5500, 2000), {2, 5, 1, 1}},
                    Case{"in_the_final_table", overlay(500, 100), {2, 2, 1, 3}},
                    Case{"across_table_and_data", overlay(900, 200), {2, 3, 1, 2}},
                    Case{"over_zeros_of_the_initial_table", overlay(9500, 500), {2, 3, 1, 1}},
                    Case{"two_in_one_run", both(overlay(2000, 100), overlay(3000, 100)), {2, 6, 1, 1}},
                    Case{"everything", overlay(0, 10'000), {2, 5, 1, 1}}),
    [](const auto& row) { return row.param.name; });

TEST(WithOverlay, NeedsNoDataPhase) {
  BlockPlan plan{.phases = {{Kind::initial_table, {zero_run(0, 100)}}, {Kind::final_table, {content_run(0, 100, 0)}}}};
  const auto merged = with_overlay(plan, overlay(200, 50), ByteCount{1000});
  ASSERT_TRUE(merged.has_value());
  ASSERT_EQ(merged->phases.size(), 3U);
  EXPECT_EQ(merged->phases[1].kind, Kind::data);
  EXPECT_EQ(merged->phases[1].runs.size(), 1U);
}

TEST(WithOverlay, OutsideOfTheTargetIsRefused) {
  const auto merged = with_overlay(table_plan(), overlay(9900, 101), ByteCount{10'000});
  ASSERT_FALSE(merged.has_value());
  EXPECT_EQ(merged.error().code, errc::out_of_disk);
}

TEST(WithOverlay, MayBeLaidOverAnOverlay) {
  const auto content = content_of(pattern(10'000, 1));
  std::mt19937 random{3};
  MemoryDisk expected{10'000};
  ASSERT_TRUE(expected.apply(table_plan(), content).has_value());
  BlockPlan plan = table_plan();
  for (std::uint32_t round = 0; round < 40; ++round) {
    const std::uint64_t at = random() % 9900;
    const UnitOverlay next{{{ByteOffset{at}, pattern(1 + random() % 99, round)}}};
    ASSERT_TRUE(expected.write(next.extents[0].at, next.extents[0].bytes).has_value());
    auto merged = with_overlay(plan, next, ByteCount{10'000});
    ASSERT_TRUE(merged.has_value());
    plan = std::move(*merged);
  }
  MemoryDisk disk{10'000};
  ASSERT_TRUE(disk.apply(plan, content).has_value());
  EXPECT_EQ(disk.bytes, expected.bytes);
}

}  // namespace
}  // namespace flashline::imaging
