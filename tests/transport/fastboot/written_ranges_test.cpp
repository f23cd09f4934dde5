#include "transport/fastboot/detail/written_ranges.h"

#include <gtest/gtest.h>

#include "tests/transport/fastboot/board_pair.h"

namespace flashline::transport::detail {
namespace {

WrittenRange zeros(std::uint64_t at, std::uint64_t length) { return {.at = at, .length = length, .zeros = true}; }
WrittenRange data(std::uint64_t at, std::uint64_t length) { return {.at = at, .length = length}; }

std::string shown(const WrittenRanges& ranges) {
  std::string text;
  for (const auto& each : ranges.in_order()) {
    text += std::to_string(each.at) + (each.zeros ? "z" : "d") + std::to_string(each.length) + " ";
  }
  return text;
}

TEST(WrittenRanges, KeepWhatIsLeftOfZeros) {
  WrittenRanges ranges;
  ranges.put(zeros(0, 100));
  ranges.put(data(40, 20));
  EXPECT_EQ(shown(ranges), "0z40 40d20 60z40 ");
  ranges.put(data(0, 10));
  ranges.put(data(90, 20));
  EXPECT_EQ(shown(ranges), "0d10 10z30 40d20 60z30 90d20 ");
}

TEST(WrittenRanges, ForgetDigestsOfWhatIsWrittenOver) {
  WrittenRanges ranges;
  ranges.put(data(0, 10));
  ranges.put(data(10, 10));
  ranges.put(data(30, 10));
  EXPECT_FALSE(ranges.cuts(0, 40));
  EXPECT_FALSE(ranges.cuts(20, 10));
  EXPECT_TRUE(ranges.cuts(5, 5));
  EXPECT_TRUE(ranges.cuts(0, 35));
  EXPECT_TRUE(ranges.cuts(31, 1));
  ranges.put(zeros(0, 40));
  EXPECT_EQ(shown(ranges), "0z40 ");
  EXPECT_FALSE(ranges.cuts(10, 10));
}

TEST(WrittenRanges, AreCutOnAGridOfTheMedium) {
  Segment segment{{.memory = 4_MiB, .file = 8_MiB, .written = 64_MiB}, 512};
  segment.add(1_MiB - 512, noise(2_MiB, 1));
  segment.add_zeros(8_MiB, 20_MiB);
  WrittenRanges ranges;
  for (const auto& each : digests_of(segment, FastbootTarget::Verify::bmap)) ranges.put(each);
  EXPECT_EQ(shown(ranges), "1048064d512 1048576d1048576 2097152d1048064 8388608z8388608 16777216z12582912 ");
  EXPECT_TRUE(digests_of(segment, FastbootTarget::Verify::none).empty());
}

TEST(WrittenRanges, OfZerosAreVerifiedOnBothSidesOfATable) {
  for (const std::uint64_t spoilt : {100U, 1'000'000U}) {
    BoardPair pair{{.capacity = 8_MiB}};
    const auto sink = pair.sink();
    EXPECT_TRUE(pair.run(sink->zero(ByteOffset{0}, ByteCount{1_MiB})));
    EXPECT_TRUE(pair.run(sink->flush()));
    auto table = noise(4096, 1);
    EXPECT_TRUE(pair.run(sink->write(ByteOffset{512 * 1024}, {table})));
    EXPECT_TRUE(pair.run(sink->flush()));
    pair.board->medium().write(spoilt, noise(1, 1));
    EXPECT_EQ(code(pair.run(sink->verify_written())), "FL-DEV-007");
  }
}

}  // namespace
}  // namespace flashline::transport::detail
