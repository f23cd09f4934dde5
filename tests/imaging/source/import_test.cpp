#include "imaging/source/import.h"

#include <chrono>
#include <cstring>
#include <fstream>
#include <gtest/gtest.h>

#include "imaging/core/errors/image.h"
#include "imaging/source/extract.h"
#include "imaging/source/file_view.h"
#include "imaging/source/fit_gpt.h"
#include "imaging/source/gpt.h"
#include "tests/fakes/disk_images.h"

namespace flashline::imaging {
namespace {

Result<ImportReport> imported(const std::string& from, const std::string& to, ImportOptions options = {}) {
  FL_TRY(auto image, open_image(from, unsigned_allowed()));
  return import_image(std::move(image), options, to);
}

Result<ExtractReport> extracted(const std::string& from, const std::string& to, const ExtractOptions& options = {}) {
  FL_TRY(auto image, open_image(from, unsigned_allowed()));
  return extract_image(std::move(image), options, to);
}

struct DiskCase {
  const char* name;
  std::uint32_t sector_size;
  std::uint64_t size;
};

class ImportGpt : public testing::TestWithParam<DiskCase> {};

TEST_P(ImportGpt, AndExtractGiveTheImageBackByteForByte) {
  const auto& row = GetParam();
  const ImageFolder folder;
  make_gpt_image(folder / "in", row.size, row.sector_size);
  for (const auto version : {FfuVersion::v1, FfuVersion::v2}) {
    for (const bool dense : {false, true}) {
      ImportOptions options{.platform_ids = {"Contoso.Panel.P100.A"}, .version = version, .dense = dense};
      if (version == FfuVersion::v2) options.device_path = "VenHw(B615F1F5-5088-43CD-809C-A16E52487D00)";
      const auto report = imported(folder / "in", folder / "ffu", options);
      ASSERT_TRUE(report.has_value()) << to_text(report.error());
      EXPECT_EQ(report->disk_size.value, row.size);
      EXPECT_EQ(std::filesystem::file_size(folder / "ffu"), report->file_size.value);
      const auto image = open_image(folder / "ffu", unsigned_allowed());
      ASSERT_TRUE(image.has_value()) << to_text(image.error());
      EXPECT_EQ(image->facts.table, "gpt");
      EXPECT_EQ(image->facts.partitions.size(), row.sector_size == 512 ? 2U : 1U);
      const auto& needs = image->stores[0].plan.needs;
      EXPECT_EQ(needs.gpt_size, ByteCount{row.size});
      EXPECT_EQ(needs.sector_size, row.sector_size);
      EXPECT_EQ(needs.platform_ids, options.platform_ids);
      const auto back = extracted(folder / "ffu", folder / "out");
      ASSERT_TRUE(back.has_value()) << to_text(back.error());
      must_run("cmp " + folder / "in" + " " + folder / "out");
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Import, ImportGpt,
    testing::Values(DiskCase{"blocks_512", 512, 8_MiB}, DiskCase{"sector_more_512", 512, 8_MiB + 512},
                    DiskCase{"sector_less_512", 512, 8_MiB - 512}, DiskCase{"half_block_512", 512, 8_MiB + 64_KiB},
                    DiskCase{"blocks_4096", 4096, 8_MiB}, DiskCase{"sector_more_4096", 4096, 8_MiB + 4096},
                    DiskCase{"sector_less_4096", 4096, 8_MiB - 4096}),
    [](const auto& row) { return row.param.name; });

TEST(Import, OtherImagesArePaddedToWholeBlocks) {
  const ImageFolder folder;
  make_mbr_image(folder / "in", 8_MiB + 1536);
  const auto report = imported(folder / "in", folder / "ffu");
  ASSERT_TRUE(report.has_value()) << to_text(report.error());
  EXPECT_EQ(report->disk_size.value, 8_MiB + 128_KiB);
  EXPECT_EQ(report->warnings.size(), 1U);
  ASSERT_TRUE(extracted(folder / "ffu", folder / "out").has_value());
  must_run("cmp -n " + std::to_string(8_MiB + 1536) + " " + folder / "in" + " " + folder / "out");
  const auto padding = load_file(folder / "out");
  EXPECT_EQ(padding.size(), 8_MiB + 128_KiB);
  EXPECT_TRUE(
      std::ranges::all_of(std::span{padding}.subspan(8_MiB + 1536), [](std::byte b) { return b == std::byte{}; }));
}

TEST(Import, ImagesOfAnySizeAndKindComeBack) {
  const ImageFolder folder;
  for (const std::uint64_t size :
       {std::uint64_t{1}, std::uint64_t{512}, 128_KiB, 128_KiB + 512, 256_KiB, 1_MiB - 512}) {
    save_file(folder / "in", pattern(size, 3));
    const auto report = imported(folder / "in", folder / "ffu");
    ASSERT_TRUE(report.has_value()) << to_text(report.error());
    ASSERT_TRUE(extracted(folder / "ffu", folder / "out").has_value());
    must_run("cmp -n " + std::to_string(size) + " " + folder / "in" + " " + folder / "out");
    EXPECT_EQ(std::filesystem::file_size(folder / "out"), *align_up(size, 128_KiB));
  }
}

TEST(Import, EveryPackingGivesTheSameFfu) {
  const ImageFolder folder;
  make_gpt_image(folder / "in", 8_MiB);
  const std::string in = folder / "in";
  must_run(
      "sh -c 'cd " + folder.path().string() +
      " && cp --sparse=never in dense && gzip -kc in >gz && xz -kc in >xz && zstd -qc in >zst && img2simg in sparse && "
      "(cat in | bzip2) >bz2 && zip -q zip.zip in && bmaptool create in -o map'");
  ASSERT_TRUE(imported(in, folder / "ffu", {.time = 1'700'000'000}).has_value());
  const auto expected = sha256(load_file(folder / "ffu"));
  for (const char* const name : {"dense", "gz", "xz", "zst", "sparse", "bz2", "zip.zip"}) {
    const auto report = imported(folder / name, folder / "again", {.time = 1'700'000'000});
    ASSERT_TRUE(report.has_value()) << to_text(report.error());
    EXPECT_EQ(sha256(load_file(folder / "again")), expected) << name;
  }
  for (const char* const name : {"in", "gz"}) {
    auto options = unsigned_allowed();
    options.bmap = folder / "map";
    auto image = open_image(folder / name, options);
    ASSERT_TRUE(image.has_value()) << to_text(image.error());
    ASSERT_TRUE(import_image(std::move(*image), {.time = 1'700'000'000}, folder / "again").has_value());
    EXPECT_EQ(sha256(load_file(folder / "again")), expected) << name << " with a block map";
  }
}

TEST(Import, HolesAndBlocksOfZerosAreLeftOut) {
  const ImageFolder folder;
  make_gpt_image(folder / "in", 64_MiB);
  const auto report = imported(folder / "in", folder / "ffu");
  ASSERT_TRUE(report.has_value());
  EXPECT_LT(report->file_size.value, 3_MiB);
  EXPECT_GT(report->zero_blocks, 480U);
  const auto back = extracted(folder / "ffu", folder / "out");
  ASSERT_TRUE(back.has_value());
  EXPECT_LT(back->written.value, 1_MiB);
  must_run("cmp " + folder / "in" + " " + folder / "out");
}

TEST(Import, AnFfuIsNotImportedAgain) {
  const ImageFolder folder;
  make_gpt_image(folder / "in", 8_MiB);
  ASSERT_TRUE(imported(folder / "in", folder / "ffu").has_value());
  EXPECT_EQ(imported(folder / "ffu", folder / "again").error().code, errc::import_refused);
}

TEST(Import, AnImageThatChangesMeanwhileIsRefusedAndTheOldOutputStays) {
  const ImageFolder folder;
  make_gpt_image(folder / "in", 8_MiB, 512);
  std::filesystem::last_write_time(folder / "in",
                                   std::filesystem::file_time_type::clock::now() - std::chrono::hours{1});
  std::ofstream{folder / "ffu"} << "the old one";
  auto image = open_image(folder / "in", unsigned_allowed());
  ASSERT_TRUE(image.has_value()) << to_text(image.error());
  const auto touch = [&](const ImportProgress&) {
    std::filesystem::last_write_time(folder / "in", std::filesystem::file_time_type::clock::now());
  };
  const auto report = import_image(std::move(*image), {}, folder / "ffu", touch);
  ASSERT_FALSE(report.has_value());
  EXPECT_EQ(report.error().code, errc::image_changed);
  std::string kept;
  std::getline(std::ifstream{folder / "ffu"}, kept);
  EXPECT_EQ(kept, "the old one");
}

TEST(Import, AStreamThatIsCutLeavesNothingBehind) {
  const ImageFolder folder;
  make_gpt_image(folder / "in", 8_MiB);
  must_run("sh -c 'cd " + folder.path().string() + " && gzip -c in >gz && truncate -s -9 gz && mkdir to'");
  const auto report = imported(folder / "gz", folder / "to/ffu");
  ASSERT_FALSE(report.has_value());
  EXPECT_EQ(report.error().code, errc::truncated);
  EXPECT_TRUE(std::filesystem::is_empty(folder / "to"));
}

// Promise 2: a board is unbootable until it is done. The target held a valid GPT before.

bool has_valid_table(const MemoryDisk& disk, std::uint32_t sector_size, std::uint64_t image_size) {
  MemoryView view{disk.bytes};
  const std::uint64_t last = disk.bytes.size() / sector_size - 1;
  return read_gpt(view, 1, sector_size).has_value() || read_gpt(view, last, sector_size).has_value() ||
         read_gpt(view, image_size / sector_size - 1, sector_size).has_value();
}

/// Cuts the power after every sector of every write of `plan`.
void expect_no_table_before_the_end(const BlockPlan& plan, const PlanContent& content, MemoryDisk disk,
                                    const MemoryDisk& done, std::uint32_t sector_size, std::uint64_t image_size) {
  ASSERT_TRUE(has_valid_table(disk, sector_size, image_size)) << "the old table";
  bool zeroed = false;
  for (const auto& phase : plan.phases) {
    const bool final_phase = phase.kind == Phase::Kind::final_table;
    for (const auto& run : phase.runs) {
      const std::uint64_t step = phase.kind == Phase::Kind::data ? 64_KiB : sector_size;
      for (std::uint64_t at = 0; at < run.length.value; at += step) {
        const auto part = part_of(run, at, std::min(step, run.length.value - at));
        ASSERT_TRUE(disk.apply(plan, part, content).has_value());
        if (!zeroed) continue;
        if (!final_phase) ASSERT_FALSE(has_valid_table(disk, sector_size, image_size));
        if (!has_valid_table(disk, sector_size, image_size)) continue;
        // From here on the board may boot: all that is outside of the tables' areas must be in place.
        ASSERT_EQ(std::memcmp(&disk.bytes[128_KiB], &done.bytes[128_KiB], done.bytes.size() - 256_KiB), 0);
      }
    }
    zeroed = true;  // the initial table is there
    ASSERT_TRUE(final_phase || !has_valid_table(disk, sector_size, image_size));
  }
  EXPECT_TRUE(disk.bytes == done.bytes);
  EXPECT_TRUE(has_valid_table(disk, sector_size, image_size));
}

class Promise2 : public testing::TestWithParam<DiskCase> {};

TEST_P(Promise2, NoPrefixOfTheWritesLeavesAValidTable) {
  const auto& row = GetParam();
  const ImageFolder folder;
  make_gpt_image(folder / "in", row.size, row.sector_size);
  ASSERT_TRUE(imported(folder / "in", folder / "ffu").has_value());
  must_run("cp " + folder / "in" + " " + folder / "old");  // another disk with tables in the same places
  put_into(folder / "old", row.size / 2, pattern(100'000, 99));
  for (const char* const name : {"in", "ffu"}) {
    auto image = open_image(folder / name, unsigned_allowed());
    ASSERT_TRUE(image.has_value());
    const auto content = load_content(*image).value();
    const auto plan = resolved(image->stores[0].plan, ByteCount{row.size});
    ASSERT_TRUE(plan.has_value());
    MemoryDisk done{load_file(folder / "old")};
    ASSERT_TRUE(done.apply(*plan, content).has_value());
    expect_no_table_before_the_end(*plan, content, MemoryDisk{load_file(folder / "old")}, done, row.sector_size,
                                   row.size);
  }
}

TEST_P(Promise2, HoldsForAFittedImageOnALargerTarget) {
  const auto& row = GetParam();
  const ImageFolder folder;
  make_gpt_image(folder / "in", row.size, row.sector_size);
  make_gpt_image(folder / "old", row.size + 1_MiB, row.sector_size);
  ASSERT_TRUE(imported(folder / "in", folder / "ffu").has_value());
  for (const char* const name : {"in", "ffu"}) {
    auto image = open_image(folder / name, unsigned_allowed());
    ASSERT_TRUE(image.has_value());
    const auto content = load_content(*image).value();
    const auto plan = fit_gpt(image->stores[0].plan, content, ByteCount{row.size + 1_MiB});
    ASSERT_TRUE(plan.has_value()) << to_text(plan.error());
    MemoryDisk done{load_file(folder / "old")};
    ASSERT_TRUE(done.apply(*plan, content).has_value());
    const std::uint64_t size = row.size + 1_MiB;
    MemoryDisk disk{load_file(folder / "old")};
    bool zeroed = false;
    for (const auto& phase : plan->phases) {
      for (const auto& run : phase.runs) {
        if (zeroed && phase.kind != Phase::Kind::final_table)
          ASSERT_FALSE(has_valid_table(disk, row.sector_size, row.size));
        ASSERT_TRUE(disk.apply(*plan, run, content).has_value());
      }
      zeroed = true;
      if (phase.kind != Phase::Kind::final_table) {
        ASSERT_FALSE(has_valid_table(disk, row.sector_size, row.size));
      }
    }
    EXPECT_TRUE(has_valid_table(disk, row.sector_size, size));
  }
}

INSTANTIATE_TEST_SUITE_P(Import, Promise2,
                         testing::Values(DiskCase{"blocks_512", 512, 4_MiB}, DiskCase{"odd_512", 512, 4_MiB + 512 * 9},
                                         DiskCase{"blocks_4096", 4096, 4_MiB},
                                         DiskCase{"odd_4096", 4096, 4_MiB + 4096 * 3}),
                         [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace flashline::imaging
