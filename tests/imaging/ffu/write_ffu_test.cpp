#include "imaging/ffu/write_ffu.h"

#include <fcntl.h>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <iterator>
#include <string>

#include "imaging/catalog/build_catalog.h"
#include "imaging/ffu/read_ffu.h"
#include "tests/fakes/ffu_builder.h"
#include "tests/fakes/memory_disk.h"
#include "tests/fakes/temp_folder.h"

namespace flashline::imaging {
namespace {

using Kind = Phase::Kind;

constexpr std::uint32_t block_size = 4096;

Result<std::vector<std::byte>> unsigned_catalog(std::span<const std::byte> table) { return build_catalog(table); }

Status fill(const FfuBlock& block, std::span<std::byte> out) {
  std::ranges::copy(fakes::fake_block(block.index + 1, out.size()), out.begin());
  return {};
}

/// Zeros at both ends, `data` blocks from block 1 on, then block 0 and the last one of a 64-block disk.
FfuStore store_with(std::uint32_t data, std::uint32_t disk_blocks = 64) {
  FfuStore store;
  store.description.min_sector_count = std::uint64_t{disk_blocks} * block_size / 512;
  store.fill = fill;
  store.phases.push_back({Kind::initial_table, {{.zeros = true}, {.anchor = Place::Anchor::end, .zeros = true}}});
  FfuPhase middle{Kind::data, {}};
  for (std::uint32_t i = 1; i <= data; ++i) middle.blocks.push_back({.index = i});
  store.phases.push_back(middle);
  store.phases.push_back({Kind::final_table, {{.index = 0}, {.index = disk_blocks - 1}}});
  return store;
}

FfuContent content_with(std::uint32_t data) {
  FfuContent content;
  content.block_size = block_size;
  content.manifest.description = "line image 7";
  content.manifest.platform_ids = {"Contoso.Panel.P100.A", "Contoso.Panel.P200"};
  content.stores = {store_with(data)};
  return content;
}

std::vector<std::byte> bytes_of_file(const std::filesystem::path& path) {
  std::ifstream in{path, std::ios::binary};
  const std::string text{std::istreambuf_iterator<char>{in}, {}};
  return bytes_of(text);
}

OpenOptions unsigned_allowed() {
  OpenOptions options;
  options.trust.allow_unsigned = true;
  return options;
}

Result<OpenedImage> open(const std::filesystem::path& path) {
  return open_ffu(FileHandle{::open(path.c_str(), O_RDONLY | O_CLOEXEC)}, path, unsigned_allowed());
}

std::vector<std::byte> written(OpenedImage& image, std::size_t size, std::size_t store = 0) {
  MemoryDisk disk{size};
  const auto plan = resolved(image.stores.at(store).plan, ByteCount{size});
  EXPECT_TRUE(plan.has_value());
  EXPECT_TRUE(disk.apply(*plan, content_of(image.content.file.get())));
  return disk.bytes;
}

class WriteFfu : public testing::Test {
 protected:
  fakes::TempFolder folder_;
  std::filesystem::path path_ = folder_ / "image.ffu";
};

TEST_F(WriteFfu, WhatIsWrittenIsReadBack) {
  const auto made = write_ffu(path_, content_with(5), unsigned_catalog);
  ASSERT_TRUE(made) << made.error().detail;
  EXPECT_EQ(made->file_size.value, std::filesystem::file_size(path_));
  auto image = open(path_);
  ASSERT_TRUE(image) << image.error().detail;
  EXPECT_EQ(image->facts.format, "ffu-v1");
  EXPECT_EQ(image->facts.digest, made->table_digest);
  EXPECT_EQ(image->facts.description, "line image 7");
  const auto& plan = image->stores[0].plan;
  EXPECT_THAT(plan.needs.platform_ids, testing::ElementsAre("Contoso.Panel.P100.A", "Contoso.Panel.P200"));
  std::vector<std::byte> expected(64UL * block_size);
  for (const std::uint32_t block : {0U, 1U, 2U, 3U, 4U, 5U, 63U}) {
    std::ranges::copy(fakes::fake_block(block + 1), expected.begin() + block * block_size);
  }
  EXPECT_EQ(written(*image, expected.size()), expected);
  EXPECT_EQ(verify_payload(*image, {}).value_or(Sha256{}), sha256(bytes_of_file(path_)));
}

TEST_F(WriteFfu, SeveralStores) {
  auto content = content_with(3);
  content.version = FfuVersion::v2;
  content.stores.push_back(store_with(1));
  content.stores[0].description.device_path = "VenHw(B615F1F5-5088-43CD-809C-A16E52487D00)";
  content.stores[1].description.device_path = "VenHw(12C55B20-25D3-41C9-8E06-282D94C676AD)";
  content.stores[1].description.is_main_os_store = false;
  ASSERT_TRUE(write_ffu(path_, content, unsigned_catalog));
  auto image = open(path_);
  ASSERT_TRUE(image) << image.error().detail;
  ASSERT_EQ(image->stores.size(), 2U);
  EXPECT_EQ(image->stores[1].device_path, content.stores[1].description.device_path);
  const auto second = written(*image, 64UL * block_size, 1);
  EXPECT_EQ(std::vector(second.begin() + block_size, second.begin() + 2 * block_size), fakes::fake_block(2));
}

}  // namespace
}  // namespace flashline::imaging
