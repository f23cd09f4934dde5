#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "imaging/core/errors/image.h"
#include "imaging/ffu/write_descriptor.h"
#include "tests/fakes/memory_disk.h"

namespace flashline::imaging::ffu {
namespace {

TEST(Validation, AllEntriesMustMatchTheTarget) {
  MemoryDisk disk{pattern(8192, 1)};
  const auto entry = [&disk](std::uint32_t sector, std::uint32_t offset, std::size_t count) {
    const auto from = disk.bytes.begin() + sector * 512 + offset;
    return ValidationEntry{sector, offset, {from, from + static_cast<std::ptrdiff_t>(count)}};
  };
  const std::vector entries{entry(0, 0, 512), entry(3, 7, 100), entry(15, 510, 2)};
  EXPECT_TRUE(check_validation(entries, 512, disk));
  disk.bytes[3 * 512 + 106] ^= std::byte{1};
  const auto checked = check_validation(entries, 512, disk);
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().code, errc::ffu_validation_mismatch);
  EXPECT_THAT(checked.error().detail, testing::HasSubstr("1543"));
}

TEST(Validation, AnEntryOutsideOfTheTargetIsNoMatch) {
  MemoryDisk disk{8192};
  EXPECT_FALSE(check_validation({{.sector = 16, .offset = 0, .expected = bytes_of("x")}}, 512, disk));
}

}  // namespace
}  // namespace flashline::imaging::ffu
