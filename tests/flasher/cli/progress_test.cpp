#include "flasher/cli/progress.h"

#include <gtest/gtest.h>

namespace flashline::line {
namespace {

TEST(ProgressLine, ShowsShareRateAndTimeLeft) {
  EXPECT_EQ(progress_line("verify", ByteCount{512_MiB}, ByteCount{1_GiB}, 4.0, 100),
            "verify  [###############...............]   50%  512.0 MiB of 1.0 GiB  134 MB/s  0:04 left");
}

TEST(ProgressLine, LeavesTheBarOutWhereThereIsNoRoom) {
  EXPECT_EQ(progress_line("verify", ByteCount{512_MiB}, ByteCount{1_GiB}, 4.0, 70),
            "verify   50%  512.0 MiB of 1.0 GiB  134 MB/s  0:04 left");
  EXPECT_EQ(progress_line("verify", ByteCount{512_MiB}, ByteCount{1_GiB}, 4.0, 20).size(), 19U);
}

TEST(ProgressLine, DoesWithoutATotal) {
  EXPECT_EQ(progress_line("import", ByteCount{3_MiB}, ByteCount{0}, 1.0, 80), "import  3.0 MiB  3 MB/s");
}

TEST(ProgressLine, NeverPassesAHundredPercent) {
  EXPECT_NE(progress_line("x", ByteCount{3}, ByteCount{2}, 1.0, 80).find("100%"), std::string::npos);
}

TEST(SizeText, UsesThePlainUnit) {
  EXPECT_EQ(size_text(ByteCount{1023}), "1023 B");
  EXPECT_EQ(size_text(ByteCount{1536}), "1.5 KiB");
  EXPECT_EQ(size_text(ByteCount{5 * 1024_GiB}), "5.0 TiB");
}

}  // namespace
}  // namespace flashline::line
