#include "imaging/source/block_plan.h"

#include <gtest/gtest.h>
#include <random>

#include "imaging/core/errors/image.h"
#include "imaging/core/errors/target.h"
#include "tests/fakes/memory_disk.h"

namespace flashline::imaging {
namespace {

using enum Place::Anchor;

struct ResolveCase {
  const char* name;
  Place place;
  std::uint64_t length;
  std::uint64_t size;
  std::int64_t at;  ///< -1: out of the disk
};

class Resolve : public testing::TestWithParam<ResolveCase> {};

TEST_P(Resolve, FindsThePlaceOrRefusesIt) {
  const auto& row = GetParam();
  const auto at = resolve(row.place, ByteCount{row.length}, ByteCount{row.size});
  if (row.at >= 0) {
    ASSERT_TRUE(at.has_value());
    EXPECT_EQ(at->value, static_cast<std::uint64_t>(row.at));
  } else {
    ASSERT_FALSE(at.has_value());
    EXPECT_EQ(at.error().code, errc::out_of_disk);
  }
}

constexpr std::uint64_t far_away = ~std::uint64_t{0};

INSTANTIATE_TEST_SUITE_P(BlockPlan, Resolve,
                         testing::Values(ResolveCase{"first_byte", {begin, 0}, 512, 4096, 0},
                                         ResolveCase{"last_sector", {begin, 3584}, 512, 4096, 3584},
                                         ResolveCase{"one_byte_too_far", {begin, 3585}, 512, 4096, -1},
                                         ResolveCase{"begin_past_the_end", {begin, 5000}, 0, 4096, -1},
                                         ResolveCase{"begin_wraps", {begin, far_away}, 512, 4096, -1},
                                         ResolveCase{"length_wraps", {begin, 512}, far_away, 4096, -1},
                                         ResolveCase{"disk_end_0", {end, 1024}, 1024, 4096, 3072},
                                         ResolveCase{"disk_end_1_byte_exact", {end, 2048}, 1024, 4100, 2052},
                                         ResolveCase{"end_run_past_the_end", {end, 512}, 1024, 4096, -1},
                                         ResolveCase{"end_before_the_beginning", {end, 4608}, 512, 4096, -1},
                                         ResolveCase{"end_at_the_beginning", {end, 4096}, 512, 4096, 0}),
                         [](const auto& row) { return row.param.name; });

TEST(Resolved, CountsEveryPlaceFromTheBeginning) {
  BlockPlan plan{.phases = {{.runs = {content_run(0, 512, 0), end_run(1024, 512, 512)}}}};
  const auto placed = resolved(plan, ByteCount{8192});
  ASSERT_TRUE(placed.has_value());
  EXPECT_EQ(placed->phases[0].runs[0], content_run(0, 512, 0));
  EXPECT_EQ(placed->phases[0].runs[1], content_run(7168, 512, 512));
}

TEST(Resolved, RefusesATargetThatIsTooSmall) {
  const auto placed = resolved({.needs = {.min_size = ByteCount{8192}}}, ByteCount{8191});
  ASSERT_FALSE(placed.has_value());
  EXPECT_EQ(placed.error().code, errc::target_too_small);
}

TEST(Resolved, RefusesAnEndThatFallsInsideASector) {
  const auto placed = resolved({.phases = {{.runs = {end_run(512, 512, 0)}}}}, ByteCount{8200});
  ASSERT_FALSE(placed.has_value());
  EXPECT_EQ(placed.error().code, errc::out_of_disk);
}

struct SurvivorCase {
  const char* name;
  std::vector<std::vector<Run>> phases;
  std::vector<Run> expected;
  std::vector<Extent> holes;
};

class Survivors : public testing::TestWithParam<SurvivorCase> {};

TEST_P(Survivors, LastWriterWins) {
  const auto& row = GetParam();
  BlockPlan plan;
  for (const auto& runs : row.phases) plan.phases.push_back({.runs = runs});
  EXPECT_EQ(surviving_runs(plan), row.expected);
  EXPECT_EQ(holes(plan, ByteCount{100}), row.holes);
}

const Run blob_run{.place = {begin, 20}, .length = ByteCount{30}, .source = Run::Source::blob, .from = 3, .skip = 1};

Run blob_part(std::uint64_t at, std::uint64_t length, std::uint64_t skip) {
  return {.place = {begin, at}, .length = ByteCount{length}, .source = Run::Source::blob, .from = 3, .skip = skip};
}

Extent extent(std::uint64_t at, std::uint64_t length) { return {ByteOffset{at}, ByteCount{length}}; }

INSTANTIATE_TEST_SUITE_P(
    BlockPlan, Survivors,
    testing::Values(
        SurvivorCase{"nothing", {}, {}, {extent(0, 100)}},
        SurvivorCase{"apart",
                     {{content_run(50, 10, 7), content_run(10, 10, 0)}},
                     {content_run(10, 10, 0), content_run(50, 10, 7)},
                     {extent(0, 10), extent(20, 30), extent(60, 40)}},
        SurvivorCase{
            "later_phase_covers_all", {{zero_run(0, 100)}, {content_run(0, 100, 5)}}, {content_run(0, 100, 5)}, {}},
        SurvivorCase{"later_run_cuts_the_middle",
                     {{content_run(0, 100, 0), content_run(40, 20, 500)}},
                     {content_run(0, 40, 0), content_run(40, 20, 500), content_run(60, 40, 60)},
                     {}},
        SurvivorCase{"blob_is_cut_like_content",
                     {{blob_run}, {zero_run(30, 10)}},
                     {blob_part(20, 10, 1), zero_run(30, 10), blob_part(40, 10, 21)},
                     {extent(0, 20), extent(50, 50)}},
        SurvivorCase{"tables_at_both_ends",
                     {{zero_run(0, 10), zero_run(90, 10)}, {content_run(10, 80, 10)}, {content_run(0, 10, 0)}},
                     {content_run(0, 10, 0), content_run(10, 80, 10), zero_run(90, 10)},
                     {}},
        SurvivorCase{"empty_runs_are_nobody", {{content_run(5, 0, 0)}}, {}, {extent(0, 100)}},
        SurvivorCase{"run_past_the_asked_size", {{content_run(90, 20, 0)}}, {content_run(90, 20, 0)}, {extent(0, 90)}}),
    [](const auto& row) { return row.param.name; });

TEST(Survivors, EqualWritingEverythingInOrder) {
  std::mt19937 random{7};
  const auto content = content_of(pattern(400, 1));
  for (int round = 0; round < 300; ++round) {
    BlockPlan plan{.phases = std::vector<Phase>(3)};
    for (int run = 0; run < 24; ++run) {
      const std::uint64_t at = random() % 200;
      const std::uint64_t length = random() % (200 - at);
      const bool zeros = random() % 4 == 0;
      plan.phases[random() % 3].runs.push_back(zeros ? zero_run(at, length) : content_run(at, length, random() % 200));
    }
    MemoryDisk in_order{200, std::byte{0xEE}};
    ASSERT_TRUE(in_order.apply(plan, content).has_value());
    MemoryDisk survived{200, std::byte{0xEE}};
    std::uint64_t last_end = 0;
    for (const auto& run : surviving_runs(plan)) {
      ASSERT_GE(run.place.distance, last_end);
      last_end = run.place.distance + run.length.value;
      ASSERT_TRUE(survived.apply(plan, run, content).has_value());
    }
    ASSERT_EQ(in_order.bytes, survived.bytes) << "round " << round;
    for (const auto& hole : holes(plan, ByteCount{200})) {
      for (std::uint64_t i = 0; i < hole.length.value; ++i)
        ASSERT_EQ(in_order.bytes[hole.at.value + i], std::byte{0xEE});
    }
  }
}

TEST(Survivors, AHundredThousandRunsTakeNoQuadraticTime) {
  BlockPlan plan{.phases = std::vector<Phase>(2)};
  for (std::uint64_t i = 0; i < 100'000; ++i) {
    plan.phases[0].runs.push_back(content_run((i * 7919 % 100'000) * 1000, 600, i));
    plan.phases[1].runs.push_back(content_run(i * 1000 + 500, 200, i));
  }
  EXPECT_EQ(surviving_runs(plan).size(), 200'000U);
  EXPECT_EQ(holes(plan, ByteCount{100'000'000}).size(), 100'000U);
  EXPECT_EQ(bytes_written(plan).value, 100'000U * 800);
}

}  // namespace
}  // namespace flashline::imaging
