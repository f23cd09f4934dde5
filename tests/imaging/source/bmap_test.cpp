#include "imaging/source/bmap.h"

#include <functional>
#include <gtest/gtest.h>

#include "imaging/core/errors/image.h"
#include "imaging/core/errors/usage.h"
#include "tests/fakes/disk_images.h"

namespace flashline::imaging {
namespace {

/// A block map in parts, so that a test can spoil one.
struct MapText {
  std::string version = "2.0";
  std::string image_size = "20000";
  std::string block_size = "4096";
  std::string blocks = "5";
  std::string mapped = "4";
  std::string checksum_type = "sha256";
  std::string ranges;
  std::string file_checksum;  ///< empty: the right one
  std::string extra;
};

std::string text_of(const MapText& map) {
  const std::string zeros(64, '0');
  std::string text = "<?xml version=\"1.0\" ?>\n<bmap version=\"" + map.version + "\">\n<ImageSize> " + map.image_size +
                     " </ImageSize>\n<BlockSize> " + map.block_size + " </BlockSize>\n<BlocksCount> " + map.blocks +
                     " </BlocksCount>\n<MappedBlocksCount> " + map.mapped + " </MappedBlocksCount>\n<ChecksumType> " +
                     map.checksum_type + " </ChecksumType>\n<BmapFileChecksum> " + zeros +
                     " </BmapFileChecksum>\n<BlockMap>\n" + map.ranges + "</BlockMap>\n" + map.extra + "</bmap>\n";
  const auto digest = sha256(std::as_bytes(std::span{text}));
  text.replace(text.find(zeros), 64, map.file_checksum.empty() ? to_hex(digest) : map.file_checksum);
  return text;
}

/// The image of 20000 bytes (the last block is short) whose block 2 is not mapped.
std::vector<std::byte> image() {
  auto bytes = pattern(20'000, 8);
  std::ranges::fill(std::span{bytes}.subspan(8192, 4096), std::byte{});
  return bytes;
}

MapText good_map() {
  const auto bytes = image();
  const auto first = to_hex(sha256(std::span{bytes}.first(8192)));
  const auto second = to_hex(sha256(std::span{bytes}.subspan(12288)));
  MapText map;
  map.ranges = "<Range chksum=\"" + first + "\"> 0-1 </Range>\n<Range chksum=\"" + second + "\"> 3-4 </Range>\n";
  return map;
}

Result<Bmap> parsed(const MapText& map) { return parse_bmap(bytes_of(text_of(map))); }

TEST(Bmap, GivesTheMappedStretches) {
  const auto map = parsed(good_map());
  ASSERT_TRUE(map.has_value()) << to_text(map.error());
  EXPECT_EQ(map->image_size.value, 20'000U);
  EXPECT_EQ(map->extents(),
            (std::vector<Extent>{{ByteOffset{0}, ByteCount{8192}}, {ByteOffset{12'288}, ByteCount{7712}}}));
}

struct BadMap {
  const char* name;
  std::function<void(MapText&)> spoil;
  Errc code;
};

class BmapRefused : public testing::TestWithParam<BadMap> {};

TEST_P(BmapRefused, WithItsCode) {
  MapText map = good_map();
  GetParam().spoil(map);
  const auto result = parsed(map);
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(code_of(result.error().code), code_of(GetParam().code)) << result.error().detail;
}

INSTANTIATE_TEST_SUITE_P(
    Bmap, BmapRefused,
    testing::Values(
        BadMap{"version_3", [](MapText& m) { m.version = "3.0"; }, errc::bmap_syntax},
        BadMap{"version_0", [](MapText& m) { m.version = "0.9"; }, errc::bmap_syntax},
        BadMap{"version_word", [](MapText& m) { m.version = "two"; }, errc::bmap_syntax},
        BadMap{"size_word", [](MapText& m) { m.image_size = "20000 bytes"; }, errc::bmap_syntax},
        BadMap{"size_negative", [](MapText& m) { m.image_size = "-1"; }, errc::bmap_syntax},
        BadMap{"size_other", [](MapText& m) { m.image_size = "30000"; }, errc::bmap_syntax},
        BadMap{"size_huge", [](MapText& m) { m.image_size = "18446744073709551615"; }, errc::bmap_syntax},
        BadMap{"size_past_64_bits", [](MapText& m) { m.image_size = "18446744073709551616"; }, errc::bmap_syntax},
        BadMap{"block_size_zero", [](MapText& m) { m.block_size = "0"; }, errc::bmap_syntax},
        BadMap{"block_size_odd", [](MapText& m) { m.block_size = "4000"; }, errc::bmap_syntax},
        BadMap{"blocks", [](MapText& m) { m.blocks = "6"; }, errc::bmap_syntax},
        BadMap{"mapped", [](MapText& m) { m.mapped = "5"; }, errc::bmap_syntax},
        BadMap{"checksum_type", [](MapText& m) { m.checksum_type = "crc7"; }, errc::bmap_syntax},
        BadMap{"file_checksum", [](MapText& m) { m.file_checksum = std::string(64, 'a'); }, errc::bmap_checksum},
        BadMap{"file_checksum_no_hex", [](MapText& m) { m.file_checksum = std::string(64, 'x'); }, errc::bmap_syntax},
        BadMap{"range_order", [](MapText& m) { m.ranges = "<Range> 3-4 </Range><Range> 0-1 </Range>"; },
               errc::bmap_syntax},
        BadMap{"range_overlap", [](MapText& m) { m.ranges = "<Range> 0-2 </Range><Range> 2 </Range>"; },
               errc::bmap_syntax},
        BadMap{"range_backwards", [](MapText& m) { m.ranges = "<Range> 3-0 </Range>"; }, errc::bmap_syntax},
        BadMap{"range_outside", [](MapText& m) { m.ranges = "<Range> 2-5 </Range>"; }, errc::bmap_syntax},
        BadMap{"range_wraps", [](MapText& m) { m.ranges = "<Range> 1-18446744073709551615 </Range>"; },
               errc::bmap_syntax},
        BadMap{"range_empty", [](MapText& m) { m.ranges += "<Range/>"; }, errc::bmap_syntax},
        BadMap{"range_checksum", [](MapText& m) { m.ranges = "<Range chksum=\"abc\"> 0-3 </Range>"; },
               errc::bmap_syntax},
        BadMap{"no_xml", [](MapText& m) { m.extra = "</bmap><"; }, errc::bmap_syntax}),
    [](const auto& row) { return row.param.name; });

Errc checked_as_file(const MapText& text, std::vector<std::byte> bytes) {
  const ImageFolder folder;
  save_file(folder / "in", bytes);
  const auto file = FileHandle{::open((folder / "in").c_str(), O_RDONLY | O_CLOEXEC)};
  const auto hashes = check_by_bmap(*parsed(text), file.get(), ByteCount{bytes.size()});
  return hashes ? errc::usage : hashes.error().code;  // usage stands for success
}

TEST(Bmap, AChangedMappedByteIsFoundAndOthersAreNot) {
  EXPECT_EQ(checked_as_file(good_map(), image()), errc::usage);
  for (const std::size_t at : {0U, 8191U, 12'288U, 19'999U}) {
    auto changed = image();
    changed[at] ^= std::byte{1};
    EXPECT_EQ(checked_as_file(good_map(), changed), errc::bmap_mismatch) << at;
  }
  auto changed = image();
  changed[9000] = std::byte{1};
  EXPECT_EQ(checked_as_file(good_map(), changed), errc::usage) << "nobody reads unmapped blocks";
  changed.pop_back();
  EXPECT_EQ(checked_as_file(good_map(), changed), errc::bmap_mismatch) << "size";
}

TEST(Bmap, WhatWasCheckedIsPinned) {
  const ImageFolder folder;
  make_gpt_image(folder / "in", 4_MiB);
  must_run("bmaptool create " + folder / "in" + " -o " + folder / "map");
  auto options = unsigned_allowed();
  options.bmap = folder / "map";
  auto opened = open_image(folder / "in", options);
  ASSERT_TRUE(opened.has_value()) << to_text(opened.error());
  EXPECT_EQ(opened->facts.format, "bmap");
  const auto plan = resolved(opened->stores[0].plan, ByteCount{4_MiB});
  PlanView view{*plan, content_of(opened->content.file.get(), opened->content.size), ByteCount{4_MiB}};
  std::vector<std::byte> out(512);
  ASSERT_TRUE(view.read(ByteOffset{4_MiB - 512}, out).has_value());
  put_into(folder / "in", 2_MiB, pattern(10, 1));
  EXPECT_EQ(view.read(ByteOffset{2_MiB}, out).error().code, errc::chunk_hash) << "changed after it was checked";
}

class BmapPacked : public testing::TestWithParam<const char*> {};

TEST_P(BmapPacked, StreamsAreCheckedAsTheyGoBy) {
  const ImageFolder folder;
  make_gpt_image(folder / "in", 4_MiB);
  must_run("bmaptool create " + folder / "in" + " -o " + folder / "map");
  must_run("sh -c 'cd " + folder.path().string() + " && " + GetParam() +
           " -c in >packed && cp in bad && printf x | dd of=bad bs=1 seek=2097152 conv=notrunc status=none && " +
           GetParam() + " -c bad >packed_bad'");
  auto options = unsigned_allowed();
  options.bmap = folder / "map";
  auto good = open_image(folder / "packed", options);
  ASSERT_TRUE(good.has_value()) << to_text(good.error());
  EXPECT_LT(bytes_written(good->stores.at(0).plan).value, 1_MiB) << "holes are known from the map";
  const auto disk = flashed(*good);
  ASSERT_TRUE(disk.has_value()) << to_text(disk.error());
  EXPECT_TRUE(*disk == load_file(folder / "in"));
  auto bad = open_image(folder / "packed_bad", options);
  ASSERT_TRUE(bad.has_value());
  EXPECT_EQ(load_content(*bad).error().code, errc::bmap_mismatch);
}

INSTANTIATE_TEST_SUITE_P(Bmap, BmapPacked, testing::Values("gzip", "xz", "zstd -q", "bzip2"),
                         [](const auto& row) { return std::string{row.param}.substr(0, 4); });

TEST(Bmap, OfAnotherImageIsRefused) {
  const ImageFolder folder;
  make_gpt_image(folder / "in", 4_MiB);
  must_run("bmaptool create " + folder / "in" + " -o " + folder / "map");
  must_run("sh -c 'cd " + folder.path().string() + " && truncate -s 5M in && xz -kc in >packed && img2simg in sparse'");
  auto options = unsigned_allowed();
  options.bmap = folder / "map";
  for (const char* const name : {"in", "packed", "sparse"}) {
    EXPECT_EQ(open_image(folder / name, options).error().code, errc::bmap_mismatch) << name;
  }
}

TEST(Bmap, OldVersionsAreRead) {
  const auto old = [](const std::string& version, const std::string& rest) {
    const std::string text = "<?xml version=\"1.0\" ?><bmap version=\"" + version +
                             "\"><ImageSize>20000</ImageSize><BlockSize>4096</BlockSize><BlocksCount>5</BlocksCount>"
                             "<MappedBlocksCount>1</MappedBlocksCount>" +
                             rest + "</bmap>";
    return parse_bmap(std::as_bytes(std::span{text}));
  };
  EXPECT_TRUE(old("1.0", "<BlockMap><Range>3</Range></BlockMap>").has_value());
  EXPECT_TRUE(old("1.2", "<BlockMap><Range>3</Range></BlockMap>").has_value());
  EXPECT_EQ(old("1.3", "<BlockMap><Range>3</Range></BlockMap>").error().code, errc::bmap_syntax) << "checksum missing";
  EXPECT_EQ(old("1.3", "<BmapFileSHA1>da39a3ee5e6b4b0d3255bfef95601890afd80709</BmapFileSHA1>").error().code,
            errc::bmap_checksum);
}

}  // namespace
}  // namespace flashline::imaging
