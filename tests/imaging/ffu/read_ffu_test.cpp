#include "imaging/ffu/read_ffu.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>

#include "imaging/core/errors/image.h"
#include "tests/fakes/ffu_builder.h"
#include "tests/fakes/memory_disk.h"
#include "tests/fakes/memory_file.h"

namespace flashline::imaging {
namespace {

using fakes::FakeFfu;
using Kind = Phase::Kind;

OpenOptions unsigned_allowed() {
  OpenOptions options;
  options.trust.allow_unsigned = true;
  options.experimental = true;
  return options;
}

Result<OpenedImage> open(const FakeFfu& image, const OpenOptions& options = unsigned_allowed()) {
  return open_ffu(fakes::memory_file(image.build()), "image.ffu", options);
}

/// A target of `size` bytes, full of 0xEE, after the image's store was written to it.
std::vector<std::byte> written(OpenedImage& image, std::size_t size, std::size_t store = 0) {
  MemoryDisk disk{size, std::byte{0xEE}};
  const auto plan = resolved(image.stores.at(store).plan, ByteCount{size});
  EXPECT_TRUE(plan.has_value());
  PlanContent content = content_of(image.content.file.get());
  std::vector<std::byte> plain;
  if (image.content.stream) {
    plain.resize(image.content.size->value);
    EXPECT_EQ(image.content.stream->read(plain).value_or(0), plain.size());
    content = content_of(plain);
  }
  EXPECT_TRUE(disk.apply(*plan, content));
  return disk.bytes;
}

std::vector<std::byte> block_at(const std::vector<std::byte>& disk, std::size_t block) {
  const auto first = disk.begin() + static_cast<std::ptrdiff_t>(block * 4096);
  return {first, first + 4096};
}

TEST(ReadFfu, V1IsWrittenInPhases) {
  auto image = open(fakes::smallest_v1());
  ASSERT_TRUE(image) << image.error().detail;
  EXPECT_EQ(image->facts.format, "ffu-v1");
  EXPECT_EQ(image->facts.description, "smallest");
  ASSERT_EQ(image->stores.size(), 1U);
  const auto& plan = image->stores[0].plan;
  std::vector<Kind> kinds;
  for (const auto& phase : plan.phases) kinds.push_back(phase.kind);
  EXPECT_EQ(kinds, (std::vector{Kind::initial_table, Kind::data, Kind::final_table}));
  EXPECT_EQ(plan.phases[0].runs.size(), 2U);
  EXPECT_EQ(plan.phases[1].runs.size(), 1U) << "two blocks that go on in payload and target are one run";
  EXPECT_EQ(plan.needs.min_size, ByteCount{32768});
  EXPECT_THAT(plan.needs.platform_ids, testing::ElementsAre("Contoso.Panel.P100.A"));
  const auto disk = written(*image, 32768);
  EXPECT_EQ(block_at(disk, 0), fakes::fake_block(3));
  EXPECT_EQ(block_at(disk, 1), fakes::fake_block(1));
  EXPECT_EQ(block_at(disk, 2), fakes::fake_block(2));
  EXPECT_EQ(block_at(disk, 3), std::vector(4096, std::byte{0xEE}));
  EXPECT_EQ(block_at(disk, 7), fakes::fake_block(4));
}

TEST(ReadFfu, BlocksFromTheEndAreByteExact) {
  auto image = open(fakes::smallest_v1());
  ASSERT_TRUE(image);
  const auto disk = written(*image, 32768 + 512);  // no multiple of the block size
  const auto last = fakes::fake_block(4);
  EXPECT_TRUE(std::equal(last.begin(), last.end(), disk.end() - 4096));
}

TEST(ReadFfu, V2HasAPlanForEachStore) {
  auto image = open(fakes::smallest_v2());
  ASSERT_TRUE(image) << image.error().detail;
  ASSERT_EQ(image->stores.size(), 2U);
  EXPECT_EQ(image->stores[0].device_path, "VenHw(B615F1F5-5088-43CD-809C-A16E52487D00)");
  EXPECT_EQ(image->stores[1].device_path, "VenHw(12C55B20-25D3-41C9-8E06-282D94C676AD)");
  EXPECT_EQ(block_at(written(*image, 32768, 0), 0), fakes::fake_block(3));
  EXPECT_EQ(block_at(written(*image, 32768, 1), 0), fakes::fake_block(9));
}

TEST(ReadFfu, V1cIsAStreamOfPlainBlocks) {
  auto image = open(fakes::smallest_v1c());
  ASSERT_TRUE(image) << image.error().detail;
  EXPECT_EQ(image->facts.format, "ffu-v1c");
  ASSERT_TRUE(image->content.stream);
  EXPECT_EQ(image->content.size, ByteCount{5 * 4096});
  EXPECT_EQ(image->stores[0].plan.hashes.origin, ByteOffset{0});
  EXPECT_EQ(image->stores[0].plan.hashes.digests->size(), 5U);
  EXPECT_EQ(block_at(written(*image, 32768), 0), fakes::fake_block(3));
}

TEST(ReadFfu, V1cNeedsTheSwitch) {
  auto options = unsigned_allowed();
  options.experimental = false;
  const auto image = open(fakes::smallest_v1c(), options);
  ASSERT_FALSE(image);
  EXPECT_EQ(image.error().code, errc::ffu_experimental);
}

}  // namespace
}  // namespace flashline::imaging
