#include <gtest/gtest.h>

#include "imaging/core/errors/image.h"
#include "imaging/core/errors/trust.h"
#include "imaging/source/image.h"
#include "tests/fakes/disk_images.h"

namespace flashline::imaging {
namespace {

using Kind = Phase::Kind;

struct Packing {
  const char* name;
  const char* command;  ///< makes "out" from "in" in the current folder
  const char* format;
  bool size_known;
};

class OpenPacked : public testing::TestWithParam<Packing> {};

TEST_P(OpenPacked, GivesTheBytesOfTheRawImage) {
  const auto& row = GetParam();
  const ImageFolder folder;
  for (const std::uint64_t size : {4_MiB, 4_MiB + 512 * 37}) {
    make_gpt_image(folder / "in", size);
    must_run("sh -c 'cd " + folder.path().string() + " && rm -f out && " + row.command + "'");
    auto image = open_image(folder / "out", unsigned_allowed());
    ASSERT_TRUE(image.has_value()) << to_text(image.error());
    EXPECT_EQ(image->facts.format, row.format);
    EXPECT_EQ(image->facts.file_size.value, std::filesystem::file_size(folder / "out"));
    EXPECT_EQ(!image->stores.empty(), row.size_known);
    const auto disk = flashed(*image);
    ASSERT_TRUE(disk.has_value()) << to_text(disk.error());
    auto expected = load_file(folder / "in");
    expected.resize(disk->size());  // Android sparse images are padded to blocks of 4096
    EXPECT_LT(disk->size(), size + 4096);
    EXPECT_TRUE(*disk == expected);
    EXPECT_EQ(image->facts.table, "gpt");
    ASSERT_EQ(image->facts.partitions.size(), 2U);
    EXPECT_EQ(image->facts.partitions[1].name, "root");
    EXPECT_EQ(image->facts.partitions[1].start.value, 1_MiB);
  }
}

INSTANTIATE_TEST_SUITE_P(
    OpenImage, OpenPacked,
    testing::Values(
        Packing{"raw", "cp --sparse=always in out", "raw", true},
        Packing{"raw_dense", "cp --sparse=never in out", "raw", true},
        Packing{"gzip", "gzip -c in >out", "raw+gzip", true},
        Packing{"gzip_two_members", "(head -c 1000000 in | gzip; tail -c +1000001 in | gzip) >out", "raw+gzip", false},
        Packing{"gzip_zero_padded", "(gzip -c in; head -c 512 /dev/zero) >out", "raw+gzip", false},
        Packing{"xz", "xz -kc in >out", "raw+xz", true},
        Packing{"xz_blocks", "xz -kc -0 --block-size=300KiB in >out", "raw+xz", true},
        Packing{"xz_two_streams", "(head -c 1000000 in | xz -0; head -c 8 /dev/zero; tail -c +1000001 in | xz -0) >out",
                "raw+xz", true},
        Packing{"zstd", "zstd -q -c in >out", "raw+zstd", true},
        Packing{"zstd_no_size", "zstd -q -c <in >out", "raw+zstd", false},
        Packing{"zstd_two_frames",
                "cp in a && truncate -s 1M a && tail -c +1048577 in >b && (zstd -q -c a; zstd -q -c b) >out",
                "raw+zstd", true},
        Packing{"bzip2", "bzip2 -c in >out", "raw+bzip2", false},
        Packing{"bzip2_two_streams", "(head -c 1000000 in | bzip2; tail -c +1000001 in | bzip2) >out", "raw+bzip2",
                false},
        Packing{"zip", "zip -q out.zip in && mv out.zip out", "raw+zip", true},
        Packing{"zip_stored", "zip -q -0 out.zip in && mv out.zip out", "raw+zip", true},
        Packing{"zip_streamed", "cat in | zip -q - - >out", "raw+zip", true},
        Packing{"sparse", "img2simg in out 4096", "android-sparse", true},
        Packing{"sparse_gzip", "img2simg in s 4096 && gzip -c s >out", "android-sparse+gzip", true},
        Packing{"sparse_xz", "img2simg in s 4096 && xz -c s >out", "android-sparse+xz", true}),
    [](const auto& row) { return row.param.name; });

struct SectorCase {
  std::uint32_t sector_size;
  std::uint64_t size;
};

class OpenSectors : public testing::TestWithParam<SectorCase> {};

TEST_P(OpenSectors, RawGptImagesAreByteExact) {
  const auto [sector_size, size] = GetParam();
  const ImageFolder folder;
  make_gpt_image(folder / "in", size, sector_size);
  auto image = open_image(folder / "in", unsigned_allowed());
  ASSERT_TRUE(image.has_value()) << to_text(image.error());
  EXPECT_TRUE(image->facts.warnings.empty()) << image->facts.warnings[0];
  const auto& needs = image->stores[0].plan.needs;
  EXPECT_EQ(needs.sector_size, sector_size);
  EXPECT_EQ(needs.gpt_size, ByteCount{size});
  EXPECT_EQ(needs.min_size, ByteCount{size});
  const auto disk = flashed(*image);
  ASSERT_TRUE(disk.has_value()) << to_text(disk.error());
  EXPECT_TRUE(*disk == load_file(folder / "in"));
  EXPECT_LT(bytes_written(image->stores[0].plan).value, 1_MiB) << "holes stay holes";
}

INSTANTIATE_TEST_SUITE_P(OpenImage, OpenSectors,
                         testing::Values(SectorCase{512, 8_MiB}, SectorCase{512, 8_MiB + 512},
                                         SectorCase{512, 8_MiB - 512}, SectorCase{4096, 8_MiB},
                                         SectorCase{4096, 8_MiB + 4096}, SectorCase{4096, 8_MiB - 4096}),
                         [](const auto& row) {
                           return std::to_string(row.param.sector_size) + "_" + std::to_string(row.param.size);
                         });

TEST(OpenImage, TablesComeFirstAsZerosAndLastForReal) {
  const ImageFolder folder;
  make_gpt_image(folder / "in", 4_MiB + 512);
  const auto image = open_image(folder / "in", unsigned_allowed());
  ASSERT_TRUE(image.has_value());
  const auto& phases = image->stores[0].plan.phases;
  ASSERT_EQ(phases.size(), 3U);
  EXPECT_EQ(phases[0].kind, Kind::initial_table);
  const std::uint64_t tail = 4_MiB + 512 - 128_KiB;
  imaging::Run target_end = zero_run(128_KiB, 128_KiB);
  target_end.place.anchor = Place::Anchor::end;
  EXPECT_EQ(phases[0].runs, (std::vector<imaging::Run>{target_end, zero_run(tail, 128_KiB), zero_run(0, 128_KiB)}));
  EXPECT_EQ(phases[1].kind, Kind::data);
  for (const auto& run : phases[1].runs) {
    EXPECT_GE(run.place.distance, 128_KiB);
    EXPECT_LE(run.place.distance + run.length.value, tail);
  }
  EXPECT_EQ(phases[2].kind, Kind::final_table);
  EXPECT_EQ(phases[2].runs.front().place.distance, 0U);
  EXPECT_GE(phases[2].runs.back().place.distance, tail);
}

TEST(OpenImage, MbrWithLogicalPartitionsIsRecognised) {
  const ImageFolder folder;
  make_mbr_image(folder / "in", 8_MiB);
  auto image = open_image(folder / "in", unsigned_allowed());
  ASSERT_TRUE(image.has_value()) << to_text(image.error());
  EXPECT_EQ(image->facts.table, "mbr");
  std::vector<std::uint64_t> starts;
  for (const auto& partition : image->facts.partitions) starts.push_back(partition.start.value / 512);
  EXPECT_EQ(starts, (std::vector<std::uint64_t>{2048, 3072, 4096, 5000, 6000}));
  EXPECT_EQ(image->facts.partitions[0].type, "0C");
  EXPECT_EQ(image->stores[0].plan.phases.front().kind, Kind::initial_table);
  EXPECT_EQ(image->stores[0].plan.phases.back().kind, Kind::final_table);
  const auto disk = flashed(*image);
  ASSERT_TRUE(disk.has_value());
  EXPECT_TRUE(*disk == load_file(folder / "in"));
}

TEST(OpenImage, ABareFileSystemIsFlatDataAndLeavesTheRestOfTheTargetAlone) {
  const ImageFolder folder;
  must_run("truncate -s 3M " + folder / "in");
  must_run("mkfs.vfat " + folder / "in");  // its boot sector ends like an MBR
  auto image = open_image(folder / "in", unsigned_allowed());
  ASSERT_TRUE(image.has_value());
  EXPECT_EQ(image->facts.table, "none");
  for (const auto& phase : image->stores[0].plan.phases) {
    for (const auto& run : phase.runs) EXPECT_EQ(run.place.anchor, Place::Anchor::begin);
  }
  EXPECT_TRUE(flashed(*image).value() == load_file(folder / "in"));
}

struct TinyCase {
  const char* name;
  std::uint64_t size;
};
class OpenTiny : public testing::TestWithParam<TinyCase> {};

TEST_P(OpenTiny, IsByteExactAndPaddedToASector) {
  const ImageFolder folder;
  const auto bytes = pattern(GetParam().size, 11);
  save_file(folder / "in", bytes);
  must_run("sh -c 'gzip -c " + folder / "in" + " >" + folder / "gz" + "; xz -c " + folder / "in" + " >" +
           folder / "xz" + "'");
  for (const char* const name : {"in", "gz", "xz"}) {
    auto image = open_image(folder / name, unsigned_allowed());
    ASSERT_TRUE(image.has_value()) << to_text(image.error());
    const auto disk = flashed(*image);
    ASSERT_TRUE(disk.has_value()) << to_text(disk.error());
    auto expected = bytes;
    expected.resize(*align_up(bytes.size(), 512));
    EXPECT_TRUE(*disk == expected) << name;
    EXPECT_EQ(image->facts.warnings.empty(), bytes.size() % 512 == 0) << name;
  }
}

INSTANTIATE_TEST_SUITE_P(OpenImage, OpenTiny,
                         testing::Values(TinyCase{"one_byte", 1}, TinyCase{"sector", 512},
                                         TinyCase{"sector_and_one", 513}, TinyCase{"area", 128_KiB},
                                         TinyCase{"area_and_one", 128_KiB + 1},
                                         TinyCase{"two_areas_less_one", 256_KiB - 1}, TinyCase{"odd", 777'777}),
                         [](const auto& row) { return row.param.name; });

TEST(OpenImage, AnFfuWithADamagedSignatureIsNoRawImage) {
  const ImageFolder folder;
  make_gpt_image(folder / "in.FFU", 4_MiB);
  const auto image = open_image(folder / "in.FFU", unsigned_allowed());
  ASSERT_FALSE(image.has_value());
  EXPECT_EQ(image.error().code, errc::ffu_security_signature);
}

TEST(OpenImage, WithoutASignatureOnlyByExplicitPolicy) {
  const ImageFolder folder;
  make_gpt_image(folder / "in", 4_MiB);
  OpenOptions options;
  EXPECT_EQ(open_image(folder / "in", options).error().code, errc::unsigned_image);
  options.trust.allow_unsigned = true;
  EXPECT_TRUE(open_image(folder / "in", options).has_value());
  options.trust.file_digest = sha256(load_file(folder / "in"));
  EXPECT_TRUE(open_image(folder / "in", options).has_value());
  (*options.trust.file_digest)[31] ^= std::byte{1};
  EXPECT_EQ(open_image(folder / "in", options).error().code, errc::file_digest);
}

struct BadCase {
  const char* name;
  const char* command;  ///< makes "out" from the GPT image "in"
  Errc code;
};

class OpenBad : public testing::TestWithParam<BadCase> {};

TEST_P(OpenBad, IsRefusedOrFailsWhileItIsRead) {
  const ImageFolder folder;
  make_gpt_image(folder / "in", 4_MiB);
  must_run("sh -c 'cd " + folder.path().string() + " && " + GetParam().command + "'");
  auto image = open_image(folder / "out", unsigned_allowed());
  if (!image) {
    EXPECT_EQ(code_of(image.error().code), code_of(GetParam().code)) << to_text(image.error());
    return;
  }
  const auto disk = flashed(*image);
  ASSERT_FALSE(disk.has_value());
  EXPECT_EQ(code_of(disk.error().code), code_of(GetParam().code)) << to_text(disk.error());
}

#define DAMAGE(at) "printf \"\\377\\377\\377\\377\" | dd of=out bs=1 seek=" at " conv=notrunc status=none"

INSTANTIATE_TEST_SUITE_P(
    OpenImage, OpenBad,
    testing::Values(
        BadCase{"missing", "true", errc::image_open}, BadCase{"folder", "mkdir out", errc::image_open},
        BadCase{"empty", ": >out", errc::truncated}, BadCase{"empty_gzip", ": | gzip >out", errc::truncated},
        BadCase{"raw_cut_in_a_partition", "cp in out; truncate -s 2M out", errc::truncated},
        BadCase{"primary_header", "cp in out; " DAMAGE("560"), errc::gpt_damaged},
        BadCase{"primary_signature", "cp in out; " DAMAGE("512"), errc::gpt_damaged},
        BadCase{"primary_entries", "cp in out; " DAMAGE("1100"), errc::gpt_damaged},
        BadCase{"gzip_cut", "gzip -c in >out; truncate -s -5 out", errc::truncated},
        BadCase{"gzip_cut_to_header", "gzip -c in >out; truncate -s 12 out", errc::truncated},
        BadCase{
            "gzip_crc",
            "gzip -c in >out; printf \"\\1\" | dd of=out bs=1 seek=$(($(stat -c %s out)-8)) conv=notrunc status=none",
            errc::bad_compression},
        BadCase{
            "gzip_length",
            "gzip -c in >out; printf \"\\1\" | dd of=out bs=1 seek=$(($(stat -c %s out)-4)) conv=notrunc status=none",
            errc::bad_compression},
        BadCase{"gzip_data", "gzip -c in >out; " DAMAGE("5000"), errc::bad_compression},
        BadCase{"gzip_trailing", "gzip -c in >out; echo more >>out", errc::trailing_data},
        BadCase{"xz_cut", "xz -c in >out; truncate -s -4 out", errc::bad_compression},
        BadCase{"xz_data", "xz -c in >out; " DAMAGE("5000"), errc::bad_compression},
        BadCase{
            "xz_index",
            "xz -c in >out; printf \"\\1\" | dd of=out bs=1 seek=$(($(stat -c %s out)-20)) conv=notrunc status=none",
            errc::bad_compression},
        BadCase{"xz_trailing", "xz -c in >out; echo garbage >>out", errc::bad_compression},
        BadCase{"xz_dictionary", "xz -c --lzma2=preset=0,dict=256MiB in >out", errc::too_large},
        BadCase{"zstd_cut", "zstd -qc in >out; truncate -s -4 out", errc::truncated},
        BadCase{"zstd_cut_between_blocks", "zstd -qc in >out; truncate -s -100 out", errc::truncated},
        BadCase{"zstd_data", "zstd -qc in >out; " DAMAGE("5000"), errc::bad_compression},
        BadCase{"zstd_trailing", "zstd -qc in >out; echo more-than-a-magic >>out", errc::trailing_data},
        BadCase{"zstd_window", "zstd -qc --ultra --long=31 <in >out", errc::too_large},
        BadCase{"bzip2_cut", "bzip2 -c in >out; truncate -s -20 out", errc::truncated},
        BadCase{"bzip2_data", "bzip2 -c in >out; " DAMAGE("5000"), errc::bad_compression},
        BadCase{"zip_two_members", "cp in b; zip -q o.zip in b; mv o.zip out", errc::archive_members},
        BadCase{"zip_only_a_folder", "mkdir d; zip -q o.zip d; mv o.zip out", errc::archive_members},
        BadCase{"zip_encrypted", "zip -q -P secret o.zip in; mv o.zip out", errc::encrypted_image},
        BadCase{"zip_crc", "zip -q -0 o.zip in; mv o.zip out; " DAMAGE("70000"), errc::bad_compression},
        BadCase{"zip_cut", "zip -q o.zip in; mv o.zip out; truncate -s 30000 out", errc::bad_compression},
        BadCase{"tar", "tar cf out in", errc::nested_archive},
        BadCase{"tar_gz", "tar czf out in", errc::nested_archive},
        BadCase{"tar_in_zip", "tar cf t in; zip -q o.zip t; mv o.zip out", errc::nested_archive},
        BadCase{"gzip_twice", "gzip -c in | gzip >out", errc::nested_archive},
        BadCase{"zstd_in_xz", "zstd -qc in | xz >out", errc::nested_archive},
        BadCase{"qcow2", "printf \"QFI\\373\\0\\0\\0\\3\" >out; cat in >>out", errc::image_format},
        BadCase{"block_map", "bmaptool create in -o out", errc::image_format},
        BadCase{"sparse_cut", "img2simg in out; truncate -s -100 out", errc::truncated},
        BadCase{"sparse_trailing", "img2simg in out; echo more >>out", errc::trailing_data},
        BadCase{"sparse_gzip_cut", "img2simg in s; truncate -s -100 s; gzip -c s >out", errc::truncated},
        BadCase{"sparse_gzip_trailing", "img2simg in s; echo more >>s; gzip -c s >out", errc::trailing_data}),
    [](const auto& row) { return row.param.name; });

TEST(OpenImage, ADamagedOrMissingBackupIsAWarningThatNamesIt) {
  const ImageFolder folder;
  make_gpt_image(folder / "in", 4_MiB);
  put_into(folder / "in", 4_MiB - 500, pattern(8, 1));
  const auto damaged = open_image(folder / "in", unsigned_allowed());
  ASSERT_TRUE(damaged.has_value());
  ASSERT_EQ(damaged->facts.warnings.size(), 1U);
  EXPECT_NE(damaged->facts.warnings[0].find("backup is damaged: the GPT at LBA 8191"), std::string::npos);

  must_run("sgdisk -Z " + folder / "in");
  must_run("sgdisk -n 1:2048:4095 " + folder / "in");
  must_run("truncate -s 3M " + folder / "in");
  const auto missing = open_image(folder / "in", unsigned_allowed());
  ASSERT_TRUE(missing.has_value()) << to_text(missing.error());
  ASSERT_EQ(missing->facts.warnings.size(), 1U);
  EXPECT_NE(missing->facts.warnings[0].find("no backup GPT"), std::string::npos);
  EXPECT_EQ(missing->stores[0].plan.needs.gpt_size, ByteCount{4_MiB});
}

TEST(OpenImage, APrimaryThatIsGoneWithAGoodBackupSaysSo) {
  const ImageFolder folder;
  make_gpt_image(folder / "in", 4_MiB);
  put_into(folder / "in", 512, std::vector<std::byte>(512));
  const auto image = open_image(folder / "in", unsigned_allowed());
  ASSERT_FALSE(image.has_value());
  EXPECT_EQ(image.error().code, errc::gpt_damaged);
  EXPECT_NE(image.error().detail.find("the backup at the image's end is good"), std::string::npos);
}

}  // namespace
}  // namespace flashline::imaging
