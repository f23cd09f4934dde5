#include "imaging/source/android_sparse.h"

#include <functional>
#include <gtest/gtest.h>

#include "imaging/core/errors/image.h"
#include "tests/fakes/disk_images.h"
#include "tests/fakes/sparse_builder.h"

namespace flashline::imaging {
namespace {

SparseBuilder every_kind() {
  SparseBuilder builder;
  builder.raw(pattern(3 * 4096, 1)).fill(40, 0xDEADBEEF).dont_care(7).fill(2, 0).checksum().raw(pattern(4096, 2));
  builder.fill(1, 0x01020304).checksum();
  return builder;
}

/// The expanded image, by both ways in; the code when both fail alike.
Result<std::vector<std::byte>> expanded(const std::vector<std::byte>& bytes) {
  const ImageFolder folder;
  save_file(folder / "in", bytes);
  must_run("sh -c 'gzip -c " + folder / "in" + " >" + folder / "gz" + "'");
  auto image = open_image(folder / "in", unsigned_allowed());
  auto from_file = image ? flashed(*image) : Result<std::vector<std::byte>>{std::unexpected{image.error()}};
  auto packed = open_image(folder / "gz", unsigned_allowed());
  auto from_stream = packed ? flashed(*packed) : Result<std::vector<std::byte>>{std::unexpected{packed.error()}};
  EXPECT_EQ(from_file.has_value(), from_stream.has_value());
  if (from_file && from_stream) EXPECT_TRUE(*from_file == *from_stream);
  if (!from_file && !from_stream) {
    EXPECT_EQ(code_of(from_file.error().code), code_of(from_stream.error().code))
        << from_file.error().detail << " / " << from_stream.error().detail;
  }
  return from_file;
}

TEST(AndroidSparse, EveryKindOfChunkIsExpanded) {
  const auto builder = every_kind();
  const auto disk = expanded(builder.file());
  ASSERT_TRUE(disk.has_value()) << to_text(disk.error());
  EXPECT_TRUE(*disk == builder.image);
}

TEST(AndroidSparse, LargerHeadersAreSkipped) {
  auto builder = SparseBuilder{};
  builder.raw(pattern(4096, 1));
  auto bytes = builder.file();
  bytes.insert(bytes.begin() + 28, 8, std::byte{0xAA});
  bytes[8] = std::byte{36};
  const auto disk = expanded(bytes);
  ASSERT_TRUE(disk.has_value()) << to_text(disk.error());
  EXPECT_TRUE(*disk == builder.image);
}

TEST(AndroidSparse, FillsCostNoMemoryAndHolesNoWriting) {
  SparseBuilder builder;
  builder.raw(pattern(4096, 1)).chunk(0xCAC2, 1U << 20U, SparseBuilder::le(0xFFFFFFFF, 4)).chunk(0xCAC3, 1U << 20U, {});
  const ImageFolder folder;
  save_file(folder / "in", builder.file());
  const auto image = open_image(folder / "in", unsigned_allowed());
  ASSERT_TRUE(image.has_value()) << to_text(image.error());
  const auto& plan = image->stores[0].plan;
  EXPECT_EQ(plan.needs.min_size.value, 4096 + 8_GiB);
  ASSERT_EQ(plan.blobs.size(), 1U);
  EXPECT_EQ(plan.blobs[0].size(), 64_KiB);
  EXPECT_LE(bytes_written(plan).value, 4_GiB + 1_MiB);
}

struct BadSparse {
  const char* name;
  std::function<void(SparseBuilder&)> spoil;
  Errc code;
};

class SparseRefused : public testing::TestWithParam<BadSparse> {};

TEST_P(SparseRefused, WithItsCode) {
  auto builder = every_kind();
  GetParam().spoil(builder);
  const auto disk = expanded(builder.file());
  ASSERT_FALSE(disk.has_value());
  EXPECT_EQ(code_of(disk.error().code), code_of(GetParam().code)) << to_text(disk.error());
}

INSTANTIATE_TEST_SUITE_P(
    AndroidSparse, SparseRefused,
    testing::Values(
        BadSparse{"version", [](SparseBuilder& b) { b.major = 2; }, errc::sparse_header},
        BadSparse{"file_header", [](SparseBuilder& b) { b.file_header = 27; }, errc::sparse_header},
        BadSparse{"chunk_header", [](SparseBuilder& b) { b.chunk_header = 11; }, errc::sparse_header},
        BadSparse{"block_size_zero", [](SparseBuilder& b) { b.block_size = 0; }, errc::sparse_header},
        BadSparse{"block_size_odd", [](SparseBuilder& b) { b.block_size = 4100; }, errc::sparse_header},
        BadSparse{"block_size_huge", [](SparseBuilder& b) { b.block_size = 0x80000000; }, errc::sparse_header},
        BadSparse{"block_size_other", [](SparseBuilder& b) { b.block_size = 8192; }, errc::sparse_chunk},
        BadSparse{"no_blocks", [](SparseBuilder& b) { b = SparseBuilder{}; }, errc::truncated},
        BadSparse{"too_few_blocks", [](SparseBuilder& b) { --b.total_blocks; }, errc::sparse_chunk},
        BadSparse{"too_many_blocks", [](SparseBuilder& b) { ++b.total_blocks; }, errc::sparse_chunk},
        BadSparse{"one_chunk_less", [](SparseBuilder& b) { --b.chunks; }, errc::trailing_data},
        BadSparse{"one_chunk_more", [](SparseBuilder& b) { ++b.chunks; }, errc::truncated},
        BadSparse{"image_checksum", [](SparseBuilder& b) { b.image_checksum = 1; }, errc::sparse_checksum},
        BadSparse{"chunk_type", [](SparseBuilder& b) { b.body[0] = std::byte{0xC9}; }, errc::sparse_chunk},
        BadSparse{"chunk_blocks", [](SparseBuilder& b) { b.body[4] = std::byte{2}; }, errc::sparse_chunk},
        BadSparse{"chunk_size", [](SparseBuilder& b) { b.body[8] ^= std::byte{1}; }, errc::sparse_chunk},
        BadSparse{"raw_data", [](SparseBuilder& b) { b.body[100] ^= std::byte{1}; }, errc::sparse_checksum},
        BadSparse{"fill_value", [](SparseBuilder& b) { b.body[12 + 3 * 4096 + 12] ^= std::byte{1}; },
                  errc::sparse_checksum},
        BadSparse{"checksum_with_blocks", [](SparseBuilder& b) { b.chunk(0xCAC4, 1, SparseBuilder::le(0, 4)); },
                  errc::sparse_chunk},
        BadSparse{"hole_with_data", [](SparseBuilder& b) { b.chunk(0xCAC3, 1, SparseBuilder::le(0, 4)); },
                  errc::sparse_chunk},
        BadSparse{"cut", [](SparseBuilder& b) { b.body.resize(5000); }, errc::truncated},
        BadSparse{"cut_in_a_header", [](SparseBuilder& b) { b.body.resize(12 + 3 * 4096 + 6); }, errc::truncated},
        BadSparse{"more", [](SparseBuilder& b) { b.body.resize(b.body.size() + 1); }, errc::trailing_data}),
    [](const auto& row) { return row.param.name; });

TEST(AndroidSparse, TooManyFillsAreTooLarge) {
  SparseBuilder builder;
  for (std::uint32_t i = 1; i <= 1100; ++i) builder.chunk(0xCAC2, 16, SparseBuilder::le(i, 4));
  const ImageFolder folder;
  save_file(folder / "in", builder.file());
  EXPECT_EQ(open_image(folder / "in", unsigned_allowed()).error().code, errc::too_large);
  SparseBuilder long_fill;
  long_fill.chunk(0xCAC2, 0xFFFFFFFF, SparseBuilder::le(1, 4));
  save_file(folder / "in", long_fill.file());
  EXPECT_EQ(open_image(folder / "in", unsigned_allowed()).error().code, errc::too_large);
}

TEST(AndroidSparse, Simg2imgAgrees) {
  const ImageFolder folder;
  make_gpt_image(folder / "in", 4_MiB + 4096 * 3);
  must_run("img2simg " + folder / "in" + " " + folder / "theirs");
  save_file(folder / "ours", every_kind().file());
  for (const char* const name : {"theirs", "ours"}) {
    must_run("simg2img " + folder / name + " " + folder / "raw");
    auto image = open_image(folder / name, unsigned_allowed());
    ASSERT_TRUE(image.has_value()) << to_text(image.error());
    EXPECT_TRUE(flashed(*image).value() == load_file(folder / "raw")) << name;
  }
}

TEST(Crc32, GoesOverZerosInNoTime) {
  const auto start = crc32(pattern(100, 1));
  for (const std::uint64_t count : {0U, 1U, 2U, 3U, 511U, 4096U, 100'001U}) {
    EXPECT_EQ(crc32_of_zeros(count, start), crc32(std::vector<std::byte>(count), start)) << count;
  }
  EXPECT_EQ(crc32(bytes_of("123456789")), 0xCBF43926U);
  EXPECT_NE(crc32_of_zeros(std::uint64_t{1} << 57U, start), start);
}

}  // namespace
}  // namespace flashline::imaging
