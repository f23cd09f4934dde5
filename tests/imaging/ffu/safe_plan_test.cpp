// Promise 2 for images whose own table ranges do not keep it: none, or one range over everything, as DISM makes them.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>
#include <wimlib.h>

#include "imaging/ffu/read_ffu.h"
#include "imaging/ffu/store_plan.h"
#include "imaging/source/gpt.h"
#include "imaging/source/partition_table.h"
#include "tests/fakes/disk_images.h"
#include "tests/fakes/ffu_builder.h"
#include "tests/fakes/memory_disk.h"
#include "tests/fakes/memory_file.h"

namespace flashline::imaging {
namespace {

using fakes::Bytes;
using fakes::FakeFfu;
using Kind = Phase::Kind;

constexpr std::size_t block = 4096;
constexpr std::size_t disk_size = 2 * 1024 * 1024;

bool is_zero(std::span<const std::byte> bytes) {
  return std::ranges::all_of(bytes, [](std::byte b) { return b == std::byte{}; });
}

/// Every block of `disk` that is not all zeros, in ascending order, the last ones counted from the end if asked.
FakeFfu image_of(const std::vector<std::byte>& disk, std::size_t from_end) {
  FakeFfu image;
  image.manifest =
      "[FullFlash]\nVersion = 2.0\n[Store]\nSectorSize = 512\nMinSectorCount = " + std::to_string(disk.size() / 512) +
      "\n";
  fakes::FakeStore store;
  const std::size_t blocks = disk.size() / block;
  for (std::size_t i = 0; i < blocks; ++i) {
    const auto bytes = std::span{disk}.subspan(i * block, block);
    if (is_zero(bytes)) continue;
    const bool end = i + from_end >= blocks;
    store.entries.push_back({.locations = {{end ? 2U : 0U, static_cast<std::uint32_t>(end ? blocks - 1 - i : i)}},
                             .data = Bytes(bytes.begin(), bytes.end())});
  }
  image.stores = {store};
  return image;
}

OpenOptions experimental() {
  auto options = unsigned_allowed();
  options.experimental = true;
  return options;
}

bool has_table(MemoryDisk& disk) {
  for (const std::uint64_t lba : {std::uint64_t{1}, disk.bytes.size() / 512 - 1}) {
    if (read_gpt(disk, lba, 512)) return true;
  }
  return disk.bytes[510] == std::byte{0x55} && disk.bytes[511] == std::byte{0xAA};
}

/// Writes the plan run by run over a disk that boots already, and looks after each whether the board would boot.
void expect_unbootable_until_the_end(OpenedImage& image, const std::vector<std::byte>& wanted) {
  const auto content = load_content(image);
  ASSERT_TRUE(content) << content.error().detail;
  const auto plan = resolved(image.stores[0].plan, ByteCount{wanted.size()});
  ASSERT_TRUE(plan);
  ASSERT_EQ(plan->phases.front().kind, Kind::initial_table);
  ASSERT_EQ(plan->phases.back().kind, Kind::final_table);
  MemoryDisk disk{wanted};
  ASSERT_TRUE(has_table(disk));
  for (const auto& phase : plan->phases) {
    if (phase.kind == Kind::final_table) {
      EXPECT_FALSE(has_table(disk)) << "all but the tables is written";
    }
    for (const auto& run : phase.runs) {
      ASSERT_TRUE(disk.apply(*plan, run, *content));
      if (phase.kind == Kind::data) EXPECT_FALSE(has_table(disk));
    }
  }
  EXPECT_TRUE(has_table(disk));
  EXPECT_TRUE(disk.bytes == wanted);
}

class SafePlan : public testing::Test {
 protected:
  std::vector<std::byte> gpt_disk() {
    make_gpt_image(folder_ / "disk.img", disk_size);
    return load_file(folder_ / "disk.img");
  }
  ImageFolder folder_;
};

TEST_F(SafePlan, ATableRangeOverEverythingGuardsNothing) {
  const auto disk = gpt_disk();
  for (const std::size_t from_end : {0U, 1U, 8U}) {
    auto fake = image_of(disk, from_end);
    fake.stores[0].ranges[5] = static_cast<std::uint32_t>(fake.stores[0].entries.size());
    auto image = open_ffu(fakes::memory_file(fake.build()), "image.ffu", experimental());
    ASSERT_TRUE(image) << image.error().detail;
    EXPECT_EQ(image->facts.table, "gpt");
    EXPECT_EQ(image->facts.partitions.size(), 2U);
    EXPECT_EQ(image->stores[0].plan.needs.gpt_size, ByteCount{disk_size});
    expect_unbootable_until_the_end(*image, disk);
  }
}

TEST_F(SafePlan, NoTableRangesAtAll) {
  const auto disk = gpt_disk();
  auto image = open_ffu(fakes::memory_file(image_of(disk, 0).build()), "image.ffu", experimental());
  ASSERT_TRUE(image) << image.error().detail;
  expect_unbootable_until_the_end(*image, disk);
}

TEST_F(SafePlan, DataAfterTheFinalTableGuardsNothing) {
  const auto disk = gpt_disk();
  auto fake = image_of(disk, 0);
  const std::uint32_t ranges[6] = {0, 1, 0, 0, 1, 1};
  std::ranges::copy(ranges, std::begin(fake.stores[0].ranges));
  fake.stores[0].entries.insert(fake.stores[0].entries.begin(), {.locations = {{0, 0}, {2, 0}}, .data = Bytes(block)});
  auto image = open_ffu(fakes::memory_file(fake.build()), "image.ffu", experimental());
  ASSERT_TRUE(image) << image.error().detail;
  expect_unbootable_until_the_end(*image, disk);
}

TEST_F(SafePlan, AnMbrGoesLastToo) {
  make_mbr_image(folder_ / "mbr.img", 4 * 1024 * 1024);
  const auto disk = load_file(folder_ / "mbr.img");
  auto image = open_ffu(fakes::memory_file(image_of(disk, 0).build()), "image.ffu", experimental());
  ASSERT_TRUE(image) << image.error().detail;
  EXPECT_EQ(image->facts.table, "mbr");
  expect_unbootable_until_the_end(*image, disk);
}

TEST_F(SafePlan, WithoutATableTheOrderStays) {
  std::vector<std::byte> disk(disk_size);
  std::ranges::copy(pattern(50'000, 7), disk.begin() + 100'000);
  const auto image = open_ffu(fakes::memory_file(image_of(disk, 0).build()), "image.ffu", experimental());
  ASSERT_TRUE(image);
  ASSERT_EQ(image->stores[0].plan.phases.size(), 1U);
  EXPECT_EQ(image->stores[0].plan.phases[0].kind, Kind::data);
}

TEST_F(SafePlan, TheLastWriterOfATableBlockWins) {
  const auto disk = gpt_disk();
  auto fake = image_of(disk, 0);
  // An older block 0 first, as the flash-only table of an image that has one.
  fake.stores[0].entries.insert(fake.stores[0].entries.begin(), {.locations = {{0, 0}}, .data = fakes::fake_block(1)});
  auto image = open_ffu(fakes::memory_file(fake.build()), "image.ffu", experimental());
  ASSERT_TRUE(image);
  expect_unbootable_until_the_end(*image, disk);
}

/// A block packed by wimlib; empty when that does not make it shorter.
Bytes packed(std::span<const std::byte> plain) {
  wimlib_compressor* compressor = nullptr;
  EXPECT_EQ(wimlib_create_compressor(WIMLIB_COMPRESSION_TYPE_XPRESS, plain.size(), 50, &compressor), 0);
  Bytes out(plain.size() - 1);
  out.resize(wimlib_compress(plain.data(), plain.size(), out.data(), out.size(), compressor));
  wimlib_free_compressor(compressor);
  return out;
}

TEST_F(SafePlan, ACompressedCapture) {
  make_gpt_image(folder_ / "disk.img", 8 * 1024 * 1024);
  const auto disk = load_file(folder_ / "disk.img");
  constexpr std::size_t large = 65536;
  FakeFfu fake;
  fake.chunk_kib = 64;
  fake.manifest = "[Whatever]\n";  // what its maker writes there is not known
  fakes::FakeStore store;
  store.version[2] = 3;
  store.compression = 4;
  store.platform_ids = "";
  store.block_size = large;
  std::size_t shorter = 0;
  for (std::uint32_t i = 0; i < disk.size() / large; ++i) {
    const auto bytes = std::span{disk}.subspan(i * large, large);
    fakes::FakeEntry entry{.locations = {{0, i}}, .data = Bytes(bytes.begin(), bytes.end())};
    if (auto small = packed(bytes); !small.empty()) {
      entry.stored = std::move(small);
      ++shorter;
    }
    store.entries.push_back(std::move(entry));
  }
  store.ranges[5] = static_cast<std::uint32_t>(store.entries.size());
  fake.stores = {store};
  EXPECT_GT(shorter, 0U);
  EXPECT_LT(shorter, store.entries.size()) << "a block that packing does not make shorter is there, too";
  auto image = open_ffu(fakes::memory_file(fake.build()), "image.ffu", experimental());
  ASSERT_TRUE(image) << image.error().detail;
  EXPECT_EQ(image->facts.format, "ffu-v1c");
  EXPECT_EQ(image->facts.table, "gpt");
  EXPECT_TRUE(verify_payload(*image, {}));
  expect_unbootable_until_the_end(*image, disk);
}

TEST(Collisions, BlocksFromBothEndsThatMeet) {
  BlockPlan plan;
  plan.phases = {{Kind::initial_table, {end_run(100, 100, 0)}},
                 {Kind::data, {content_run(0, 300, 0), content_run(350, 50, 300), end_run(100, 60, 400)}}};
  EXPECT_TRUE(ffu::collisions(plan, ByteCount{1000}).empty());
  // On 460 bytes the run from the end is [360, 420).
  EXPECT_THAT(ffu::collisions(plan, ByteCount{460}), testing::ElementsAre(Extent{ByteOffset{360}, ByteCount{40}}));
  EXPECT_NE(ffu::overlap_warning({{Kind::data, {content_run(0, 300, 0), content_run(299, 50, 300)}}}), "");
  EXPECT_EQ(ffu::overlap_warning(plan.phases), "");
}

}  // namespace
}  // namespace flashline::imaging
