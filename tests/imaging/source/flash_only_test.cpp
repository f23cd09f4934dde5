// Partitions that are marked RequiredToFlash: a table of their own in the image, none of it on a board that this
// program writes.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "imaging/ffu/read_metadata.h"
#include "imaging/layout/write_partition_table.h"
#include "imaging/source/extract.h"
#include "imaging/source/file_view.h"
#include "imaging/source/flash_only_table.h"
#include "imaging/source/gpt.h"
#include "imaging/source/import.h"
#include "tests/fakes/disk_images.h"
#include "tests/imaging/layout/layout_xml.h"

namespace flashline::imaging {
namespace {

constexpr std::uint64_t block_size = 128_KiB;

std::string three_partitions(std::uint32_t sector) {
  const std::string required = "<RequiredToFlash>true</RequiredToFlash>";
  const auto part = [&](const char* name, std::uint64_t bytes, const std::string& rest) {
    return partition_xml(name, basic_data, sectors_xml(bytes / sector, rest));
  };
  const std::string head = "<SectorSize>" + std::to_string(sector) + "</SectorSize><DefaultPartitionByteAlignment>" +
                           std::to_string(sector) + "</DefaultPartitionByteAlignment>";
  return layout_xml(part("Loader", 64_KiB, required) + part("MainOS", 1536_KiB, "") + part("EFIESP", 1_MiB, required),
                    head);
}

class FlashOnly : public testing::TestWithParam<std::uint32_t> {
 protected:
  void SetUp() override {
    const std::uint64_t size = 4_MiB + 9 * GetParam();
    const auto layout = layout_of(three_partitions(GetParam()));
    ASSERT_TRUE(layout) << layout.error().detail;
    const auto placed = lay_out(*layout, disk_of(size / GetParam()), {});
    ASSERT_TRUE(placed) << placed.error().detail;
    store_ = placed->stores.front();
    must_run("truncate -s " + std::to_string(size) + " " + disk_);
    for (const PlacedPartition& partition : store_.partitions) {
      put_into(disk_, start_of(partition), pattern(partition.place.count * GetParam(), partition.number));
    }
    ASSERT_TRUE(write_partition_table(store_, disk_));
    auto image = open_image(disk_, unsigned_allowed());
    ASSERT_TRUE(image) << to_text(image.error());
    std::vector<ImportDisk> disks;
    disks.push_back({.image = std::move(*image)});
    for (const PlacedPartition& partition : store_.partitions) {
      ManifestPartition row;
      row.name = partition.name;
      row.type = to_text(partition.type);
      row.total_sectors = row.used_sectors = partition.place.count;
      row.required_to_flash = partition.required_to_flash;
      disks.front().partitions.push_back(row);
    }
    const auto report = import_disks(std::move(disks), {.platform_ids = {"*"}}, folder_ / "ffu");
    ASSERT_TRUE(report) << to_text(report.error());
  }

  std::uint64_t start_of(const PlacedPartition& partition) const { return partition.place.first * GetParam(); }
  std::uint64_t end_of(const PlacedPartition& partition) const { return partition.place.end() * GetParam(); }

  ffu::Metadata metadata() const {
    const auto file = open_for_reading(folder_ / "ffu");
    const auto size = size_of(file->get());
    const auto region = ffu::read_security_region(file->get(), *size);
    return ffu::read_metadata(file->get(), *size, *region).value();
  }

  ImageFolder folder_;
  std::string disk_ = folder_ / "disk";
  StoreLayout store_;
};

std::vector<std::string> names_in(const GptTable& table) {
  std::vector<std::string> names;
  for (const GptEntry& entry : table.entries) names.push_back(entry.name);
  return names;
}

TEST_P(FlashOnly, table_has_the_required_partitions_alone) {
  const ffu::Metadata metadata = this->metadata();
  const ffu::StoreHeader& header = metadata.stores.front().header;
  ASSERT_EQ(header.flash_only.count, 1U);
  const auto image = load_file(folder_ / "ffu");
  const auto disk = load_file(disk_);
  const std::uint64_t at = metadata.payload.value + header.flash_only.first * block_size;
  std::vector<std::byte> block{image.begin() + static_cast<std::ptrdiff_t>(at),
                               image.begin() + static_cast<std::ptrdiff_t>(at + block_size)};
  MemoryView view{block};
  const auto table = read_gpt(view, 1, GetParam());
  ASSERT_TRUE(table) << table.error().detail;
  EXPECT_THAT(names_in(*table), testing::ElementsAre("Loader", "EFIESP"));
  const std::uint64_t behind = table->header.entries_lba * GetParam() + table->header.entries_bytes();
  EXPECT_TRUE(std::equal(block.begin() + static_cast<std::ptrdiff_t>(behind), block.end(),
                         disk.begin() + static_cast<std::ptrdiff_t>(behind)))
      << "what shares the block with the table";
  EXPECT_TRUE(std::equal(block.begin(), block.begin() + GetParam(), disk.begin())) << "the protective MBR";
  if (GetParam() != 512) return;
  save_file(folder_ / "only", block);
  must_run("truncate -s " + std::to_string(disk.size()) + " " + folder_ / "only");
  const auto judged = run_tool("sfdisk --dump " + folder_ / "only");
  EXPECT_NE(judged.output.find("name=\"EFIESP\""), std::string::npos) << judged.output;
  EXPECT_NE(judged.output.find("name=\"Loader\""), std::string::npos) << judged.output;
  EXPECT_EQ(judged.output.find("MainOS"), std::string::npos) << judged.output;
}

TEST_P(FlashOnly, required_data_comes_before_it_and_the_rest_behind) {
  const auto metadata = this->metadata();
  std::vector<bool> required(5_MiB / block_size);
  std::vector<bool> written(required.size());
  for (const PlacedPartition& partition : store_.partitions) {
    if (!partition.required_to_flash) continue;
    for (std::uint64_t at = start_of(partition); at < end_of(partition); ++at) required[at / block_size] = true;
  }
  for (const Phase& phase : metadata.stores.front().layout.phases) {
    if (is_table(phase.kind)) continue;
    for (const auto& run : phase.runs) {
      for (std::uint64_t i = 0; i < run.length.value / block_size; ++i) {
        const std::uint64_t block = run.place.distance / block_size + i;
        EXPECT_EQ(required[block], phase.kind == Phase::Kind::required_data) << block;
        written[block] = true;
      }
    }
  }
  for (std::size_t i = 1; i < required.size(); ++i) EXPECT_TRUE(!required[i] || written[i]) << i;
}

TEST_P(FlashOnly, the_image_is_what_it_was) {
  auto image = open_image(folder_ / "ffu", unsigned_allowed());
  ASSERT_TRUE(image) << to_text(image.error());
  ASSERT_TRUE(extract_image(std::move(*image), {}, folder_ / "out"));
  must_run("cmp " + disk_ + " " + folder_ / "out");
}

// Promise 2, sector by sector: with the flash-only table on it a board would find its boot partition, and half boot.
TEST_P(FlashOnly, promise_2_no_table_is_on_the_board_before_the_end) {
  auto image = open_image(folder_ / "ffu", unsigned_allowed());
  ASSERT_TRUE(image);
  const auto content = load_content(*image).value();
  MemoryDisk disk{load_file(disk_)};
  const MemoryDisk wanted = disk;
  const auto plan = resolved(image->stores[0].plan, disk.size());
  ASSERT_TRUE(plan);
  EXPECT_EQ(std::ranges::count(plan->phases, Phase::Kind::required_data, &Phase::kind), 1);
  bool zeroed = false;
  for (const Phase& phase : plan->phases) {
    for (const auto& run : phase.runs) {
      const std::uint64_t step = is_table(phase.kind) ? GetParam() : 64_KiB;
      for (std::uint64_t at = 0; at < run.length.value; at += step) {
        ASSERT_TRUE(disk.apply(*plan, part_of(run, at, std::min(step, run.length.value - at)), content));
        if (!zeroed || phase.kind == Phase::Kind::final_table) continue;
        ASSERT_FALSE(read_gpt(disk, 1, GetParam()).has_value());
        ASSERT_FALSE(read_gpt(disk, disk.size().value / GetParam() - 1, GetParam()).has_value());
        ASSERT_FALSE(disk.bytes[510] == std::byte{0x55} && disk.bytes[511] == std::byte{0xAA});
      }
    }
    zeroed = true;
  }
  EXPECT_TRUE(disk.bytes == wanted.bytes);
}

INSTANTIATE_TEST_SUITE_P(Sectors, FlashOnly, testing::Values(512U, 4096U), testing::PrintToStringParamName());

TEST(FlashOnlyTable, needs_a_table) {
  std::vector<std::byte> block(128_KiB);
  EXPECT_FALSE(keep_only(block, 512, {1}));
}

}  // namespace
}  // namespace flashline::imaging
