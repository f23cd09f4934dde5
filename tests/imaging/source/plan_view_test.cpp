#include "imaging/source/plan_view.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include "imaging/core/errors/image.h"
#include "imaging/source/content.h"
#include "tests/fakes/memory_disk.h"

namespace flashline::imaging {
namespace {

HashTable digests_of(std::span<const std::byte> content, std::uint32_t unit, std::uint64_t origin) {
  std::vector<Sha256> digests;
  for (std::size_t at = origin; at < content.size(); at += unit) {
    digests.push_back(sha256(content.subspan(at, std::min<std::size_t>(unit, content.size() - at))));
  }
  return {unit, ByteOffset{origin}, std::make_shared<const std::vector<Sha256>>(std::move(digests))};
}

/// Content, zeros, a cut blob and holes over 4 KiB of target.
BlockPlan mixed_plan() {
  return {.phases = {{.runs = {content_run(0, 1024, 256), zero_run(1024, 256), content_run(2048, 512, 1536)}},
                     {.runs = {{.place = {Place::Anchor::begin, 2304},
                                .length = ByteCount{64},
                                .source = Run::Source::blob,
                                .from = 0,
                                .skip = 8}}}},
          .blobs = {pattern(100, 9)}};
}

TEST(PlanView, GivesTheBytesThatWritingThePlanGives) {
  const auto bytes = pattern(2100, 3);
  for (const bool hashed : {false, true}) {
    BlockPlan plan = mixed_plan();
    if (hashed) plan.hashes = digests_of(bytes, 512, 128);
    MemoryDisk disk{4096};
    ASSERT_TRUE(disk.apply(plan, content_of(bytes)).has_value());
    PlanView view{plan, content_of(bytes), ByteCount{4096}};
    for (std::size_t at = 0; at < 4096; at += 31) {
      for (const std::size_t count : {std::size_t{1}, std::size_t{64}, 4096 - at}) {
        const std::size_t length = std::min(count, 4096 - at);
        std::vector<std::byte> out(length, std::byte{0xCC});
        ASSERT_TRUE(view.read(ByteOffset{at}, out).has_value());
        ASSERT_TRUE(std::ranges::equal(out, std::span{disk.bytes}.subspan(at, length))) << at << " " << length;
      }
    }
  }
}

TEST(PlanView, AChangedByteAnywhereInAUnitIsRefused) {
  const auto bytes = pattern(2100, 3);
  BlockPlan plan = mixed_plan();
  plan.hashes = digests_of(bytes, 512, 128);
  auto changed = bytes;
  changed[128 + 511] ^= std::byte{1};  // unit 0, which holds the first bytes of the first run
  PlanView view{plan, content_of(changed), ByteCount{4096}};
  std::vector<std::byte> out(16);
  const auto read = view.read(ByteOffset{0}, out);
  ASSERT_FALSE(read.has_value());
  EXPECT_EQ(read.error().code, errc::chunk_hash);
  EXPECT_TRUE(view.read(ByteOffset{600}, out).has_value()) << "other units are still good";
}

TEST(PlanView, ContentThatNoDigestCoversIsRefused) {
  const auto bytes = pattern(2100, 3);
  BlockPlan plan = mixed_plan();
  for (const std::uint64_t origin : {512U, 128U}) {  // first: content before the origin; then: too few digests
    plan.hashes = digests_of(std::span{bytes}.first(1600), 512, origin);
    PlanView view{plan, content_of(bytes), ByteCount{4096}};
    std::vector<std::byte> out(4096);
    const auto read = view.read(ByteOffset{0}, out);
    ASSERT_FALSE(read.has_value());
    EXPECT_EQ(read.error().code, errc::chunk_hash);
  }
}

TEST(PlanView, ReadingPastTheTargetIsRefused) {
  const BlockPlan plan = mixed_plan();
  PlanView view{plan, content_of(pattern(2100, 3)), ByteCount{4096}};
  std::vector<std::byte> out(2);
  EXPECT_EQ(view.read(ByteOffset{4095}, out).error().code, errc::image_read);
  EXPECT_EQ(view.read(ByteOffset{~std::uint64_t{0}}, out).error().code, errc::image_read);
}

TEST(PlanView, AFileThatEndsEarlyIsTruncated) {
  char name[] = "/tmp/flashline-XXXXXX";
  const FileHandle file{::mkstemp(name)};
  ASSERT_TRUE(file);
  ::unlink(name);
  ASSERT_EQ(::ftruncate(file.get(), 1000), 0);
  std::vector<std::byte> out(600);
  EXPECT_TRUE(content_of(file.get()).read(ByteOffset{400}, out).has_value());
  EXPECT_EQ(content_of(file.get()).read(ByteOffset{401}, out).error().code, errc::truncated);
  EXPECT_EQ(content_of(-1).read(ByteOffset{0}, out).error().code, errc::image_read);
}

}  // namespace
}  // namespace flashline::imaging
