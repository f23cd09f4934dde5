#include "imaging/source/byte_streams.h"

#include <gtest/gtest.h>

#include "imaging/core/errors/image.h"
#include "tests/fakes/memory_disk.h"

namespace flashline::imaging {
namespace {

/// Bytes in memory as a stream that gives at most `piece` at a time.
class MemoryStream final : public ByteStream {
 public:
  MemoryStream(std::vector<std::byte> bytes, std::size_t piece) : bytes_{std::move(bytes)}, piece_{piece} {}
  Result<std::size_t> read(std::span<std::byte> out) override {
    const std::size_t count = std::min({out.size(), piece_, bytes_.size() - at_});
    std::ranges::copy(std::span{bytes_}.subspan(at_, count), out.begin());
    at_ += count;
    return count;
  }

 private:
  std::vector<std::byte> bytes_;
  std::size_t piece_;
  std::size_t at_ = 0;
};

Result<std::vector<std::byte>> drained(ByteStream& stream) {
  std::vector<std::byte> all;
  std::vector<std::byte> piece(64);
  for (;;) {
    FL_TRY(const auto got, stream.read(piece));
    if (got == 0) return all;
    all.insert(all.end(), piece.begin(), piece.begin() + static_cast<std::ptrdiff_t>(got));
  }
}

TEST(ByteStreams, APrefixComesFirst) {
  const auto bytes = pattern(300, 1);
  const std::vector<std::byte> head{bytes.begin(), bytes.begin() + 100};
  const std::vector<std::byte> tail{bytes.begin() + 100, bytes.end()};
  const auto joined = with_prefix(head, std::make_unique<MemoryStream>(tail, 7));
  EXPECT_EQ(drained(*joined).value(), bytes);
  const auto only = with_prefix({}, std::make_unique<MemoryStream>(bytes, 1000));
  EXPECT_EQ(drained(*only).value(), bytes);
}

struct SizeCase {
  const char* name;
  std::uint64_t declared;
  std::uint64_t padded;
  std::optional<Errc> error;
};

class OfSize : public testing::TestWithParam<SizeCase> {};

TEST_P(OfSize, HoldsAStreamToItsSize) {
  const auto& row = GetParam();
  auto bytes = pattern(300, 1);
  const auto held =
      of_size(std::make_unique<MemoryStream>(bytes, 50), ByteCount{row.declared}, ByteCount{row.padded}, "a test");
  const auto got = drained(*held);
  if (row.error) {
    ASSERT_FALSE(got.has_value());
    EXPECT_EQ(got.error().code, *row.error);
  } else {
    ASSERT_TRUE(got.has_value());
    bytes.resize(row.padded);
    EXPECT_EQ(*got, bytes);
  }
}

INSTANTIATE_TEST_SUITE_P(ByteStreams, OfSize,
                         testing::Values(SizeCase{"exact", 300, 300, {}}, SizeCase{"padded", 300, 512, {}},
                                         SizeCase{"ends_early", 301, 512, errc::truncated},
                                         SizeCase{"goes_on", 299, 299, errc::trailing_data},
                                         SizeCase{"goes_on_after_nothing", 0, 0, errc::trailing_data}),
                         [](const auto& row) { return row.param.name; });

TEST(ByteStreams, ATooLongStreamFailsTheReadThatGivesItsLastBytes) {
  const auto held =
      of_size(std::make_unique<MemoryStream>(pattern(300, 1), 50), ByteCount{100}, ByteCount{100}, "a test");
  std::vector<std::byte> piece(50);
  EXPECT_TRUE(held->read(piece).has_value());
  EXPECT_EQ(held->read(piece).error().code, errc::trailing_data);
}

}  // namespace
}  // namespace flashline::imaging
