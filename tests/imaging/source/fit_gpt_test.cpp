#include "imaging/source/fit_gpt.h"

#include <gtest/gtest.h>

#include "imaging/core/errors/image.h"
#include "imaging/core/errors/target.h"
#include "imaging/source/extract.h"
#include "imaging/source/import.h"
#include "tests/fakes/disk_images.h"

namespace flashline::imaging {
namespace {

/// sgdisk knows sectors of 4096 bytes only from block devices; fdisk believes what it is told.
void expect_sound(const std::string& path, std::uint32_t sector_size) {
  if (sector_size == 512) {
    const auto run = run_tool("sgdisk -v " + path);
    EXPECT_EQ(run.code, 0) << run.output;
    EXPECT_NE(run.output.find("No problems found"), std::string::npos) << run.output;
  } else {
    const auto run = run_tool("sh -c 'printf \"v\\nq\\n\" | fdisk -b 4096 " + path + "'");
    EXPECT_NE(run.output.find("No errors detected"), std::string::npos) << run.output;
    EXPECT_EQ(run.output.find("corrupt"), std::string::npos) << run.output;
    EXPECT_EQ(run.output.find("mismatch"), std::string::npos) << run.output;
  }
}

struct FitCase {
  const char* name;
  std::uint32_t sector_size;
  std::uint64_t size;
  std::uint64_t target;
};

class FitGpt : public testing::TestWithParam<FitCase> {};

TEST_P(FitGpt, MovesTheBackupToTheRealEnd) {
  const auto& row = GetParam();
  const ImageFolder folder;
  make_gpt_image(folder / "in", row.size, row.sector_size);
  auto raw = open_image(folder / "in", unsigned_allowed());
  ASSERT_TRUE(raw.has_value());
  ASSERT_TRUE(import_image(std::move(*raw), {}, folder / "ffu").has_value());
  for (const char* const name : {"in", "ffu"}) {
    auto image = open_image(folder / name, unsigned_allowed());
    ASSERT_TRUE(image.has_value());
    const auto report =
        extract_image(std::move(*image), {.size = ByteCount{row.target}, .fit_gpt = true}, folder / "out");
    ASSERT_TRUE(report.has_value()) << to_text(report.error());
    expect_sound(folder / "out", row.sector_size);
    const auto fitted = open_image(folder / "out", unsigned_allowed());
    ASSERT_TRUE(fitted.has_value()) << to_text(fitted.error());
    EXPECT_TRUE(fitted->facts.warnings.empty()) << fitted->facts.warnings[0];
    EXPECT_EQ(fitted->stores[0].plan.needs.gpt_size, ByteCount{row.target});
    for (const auto& partition : fitted->facts.partitions) {
      must_run("cmp -i " + std::to_string(partition.start.value) + " -n " + std::to_string(partition.length.value) +
               " " + folder / "in" + " " + folder / "out");
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    FitGpt, FitGpt,
    testing::Values(FitCase{"same", 512, 4_MiB, 4_MiB}, FitCase{"one_sector", 512, 4_MiB, 4_MiB + 512},
                    FitCase{"half_the_backup", 512, 4_MiB, 4_MiB + 512 * 16}, FitCase{"much", 512, 4_MiB, 64_MiB},
                    FitCase{"odd_to_odd", 512, 4_MiB + 512 * 7, 5_MiB + 512},
                    FitCase{"odd_to_blocks", 512, 4_MiB - 512, 4_MiB}, FitCase{"past_32_bits", 512, 4_MiB, 3000_GiB},
                    FitCase{"large_sectors", 4096, 4_MiB, 6_MiB},
                    FitCase{"large_sectors_odd", 4096, 4_MiB + 4096, 6_MiB + 4096}),
    [](const auto& row) { return row.param.name; });

struct RefusedCase {
  const char* name;
  std::uint64_t target;
  Errc code;
};

class FitGptRefused : public testing::TestWithParam<RefusedCase> {};

TEST_P(FitGptRefused, SaysWhy) {
  const ImageFolder folder;
  make_gpt_image(folder / "in", 4_MiB);
  auto image = open_image(folder / "in", unsigned_allowed());
  ASSERT_TRUE(image.has_value());
  const auto plan = fit_gpt(image->stores[0].plan, load_content(*image).value(), ByteCount{GetParam().target});
  ASSERT_FALSE(plan.has_value());
  EXPECT_EQ(plan.error().code, GetParam().code);
}

INSTANTIATE_TEST_SUITE_P(FitGpt, FitGptRefused,
                         testing::Values(RefusedCase{"smaller", 4_MiB - 512, errc::target_too_small},
                                         RefusedCase{"half_a_sector", 8_MiB + 256, errc::gpt_fit}),
                         [](const auto& row) { return row.param.name; });

TEST(FitGpt, AnImageWithoutAGptIsRefused) {
  const ImageFolder folder;
  make_mbr_image(folder / "in", 8_MiB);
  auto image = open_image(folder / "in", unsigned_allowed());
  ASSERT_TRUE(image.has_value());
  const auto plan = fit_gpt(image->stores[0].plan, load_content(*image).value(), ByteCount{16_MiB});
  ASSERT_FALSE(plan.has_value());
  EXPECT_EQ(plan.error().code, errc::gpt_fit);
}

TEST(FitGpt, GivesAnImageWithoutABackupOne) {
  const ImageFolder folder;
  make_gpt_image(folder / "in", 4_MiB);
  must_run("sgdisk -d 2 " + folder / "in");
  must_run("truncate -s 3M " + folder / "in");
  auto image = open_image(folder / "in", unsigned_allowed());
  ASSERT_TRUE(image.has_value()) << to_text(image.error());
  ASSERT_TRUE(
      extract_image(std::move(*image), {.size = ByteCount{5_MiB}, .fit_gpt = true}, folder / "out").has_value());
  expect_sound(folder / "out", 512);
}

}  // namespace
}  // namespace flashline::imaging
