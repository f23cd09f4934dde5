// Promise 2 on the real engine: the target is cut off after every single call, and nothing that is left boots.

#include <algorithm>

#include "imaging/source/gpt.h"
#include "imaging/source/image.h"
#include "imaging/source/import.h"
#include "tests/fakes/disk_images.h"
#include "tests/flasher/engine/engine_fixture.h"

namespace flashline::line::tests {
namespace {

using imaging::MemoryDisk;

/// Whether firmware finds a table in `medium`: a GPT whose CRCs are right, at either end, or a boot sector.
bool has_table(const std::vector<std::byte>& medium) {
  MemoryDisk disk{medium};
  const bool primary = imaging::read_gpt(disk, 1, 512).has_value();
  const bool backup = imaging::read_gpt(disk, medium.size() / 512 - 1, 512).has_value();
  const bool boot_sector = medium[510] == std::byte{0x55} && medium[511] == std::byte{0xaa};
  return primary || backup || boot_sector;
}

class PowerCut : public EngineTest, public ::testing::WithParamInterface<StalePolicy> {
 protected:
  std::shared_ptr<LoadedImage> import(const std::filesystem::path& path) {
    auto opened = imaging::open_image(path, imaging::unsigned_allowed());
    EXPECT_TRUE(opened) << opened.error().detail;
    auto loaded = await(engine_->load(std::move(*opened), path));
    EXPECT_TRUE(loaded) << loaded.error().detail;
    return *loaded;
  }

  /// What a board of `old` content is given, call by call.
  std::shared_ptr<ScriptedSink> flash(const std::filesystem::path& image, std::vector<std::byte> old) {
    const auto sink = std::make_shared<ScriptedSink>(ByteCount{old.size()}, SinkScript{}, std::byte{0}, std::move(old));
    auto facts = sink->facts();
    facts.can_discard = true;
    sink->set_facts(facts);
    const auto report = run(request(import(image), sink, {.stale = GetParam()}));
    EXPECT_EQ(code(report), "none") << (report.error ? report.error->detail : "");
    return sink;
  }

  /// No prefix of the calls leaves a table once data was written, before all of it is written, flushed and read back.
  static void expect_no_table_before_the_end(const ScriptedSink& sink, std::uint64_t size) {
    const auto is_data = [&](const auto& call) {
      return call.kind == SinkCall::write && call.at.value >= 128_KiB && call.at.value < size - 128_KiB;
    };
    const auto& log = sink.log;
    const auto first_data = static_cast<std::size_t>(std::ranges::find_if(log, is_data) - log.begin());
    const auto last_data =
        log.size() - static_cast<std::size_t>(std::ranges::find_if(log.rbegin(), log.rend(), is_data) - log.rbegin());
    ASSERT_LT(first_data, last_data);
    const auto flushed =
        static_cast<std::size_t>(std::find_if(log.begin() + static_cast<std::ptrdiff_t>(last_data), log.end(),
                                              [](const auto& call) { return call.kind == SinkCall::flush; }) -
                                 log.begin());
    ASSERT_LT(flushed, log.size());
    for (std::size_t calls = first_data; calls <= flushed; ++calls) {
      EXPECT_FALSE(has_table(sink.memory_if_cut(calls))) << "cut after call " << calls;
      // What was not flushed may have reached the medium in any order: all of it, or every other call.
      EXPECT_FALSE(has_table(sink.memory_if_cut(calls, [](std::size_t call) { return call % 2 == 0; }))) << calls;
      EXPECT_FALSE(has_table(sink.memory_if_cut(calls, [](std::size_t call) { return call % 2 == 1; }))) << calls;
    }
    // Only tables are written after that.
    for (std::size_t call = flushed; call < log.size(); ++call) EXPECT_FALSE(is_data(log[call]));
    EXPECT_TRUE(has_table(sink.memory()));
  }
};

TEST_P(PowerCut, promise_2_no_prefix_of_a_gpt_image_leaves_a_table_before_the_end) {
  start();
  const auto image = folder_.path() / "image.img";
  const auto old = folder_.path() / "old.img";
  imaging::make_gpt_image(image.string(), 8_MiB);
  imaging::make_gpt_image(old.string(), 8_MiB);
  imaging::put_into(old.string(), 3_MiB, imaging::pattern(200'000, 77));
  auto before = imaging::load_file(old.string());
  ASSERT_TRUE(has_table(before));
  const auto sink = flash(image, std::move(before));
  expect_no_table_before_the_end(*sink, 8_MiB);
  if (GetParam() != StalePolicy::keep) {
    EXPECT_TRUE(sink->memory() == imaging::load_file(image.string()));
  }
}

TEST_P(PowerCut, promise_2_a_flash_only_table_is_none_before_the_end_either) {
  start();
  const auto disk = folder_.path() / "disk.img";
  const auto image = folder_.path() / "image.ffu";
  imaging::make_gpt_image(disk.string(), 8_MiB);
  auto opened = imaging::open_image(disk, imaging::unsigned_allowed());
  ASSERT_TRUE(opened);
  std::vector<imaging::ImportDisk> disks;
  disks.push_back({.image = std::move(*opened)});
  for (const char* name : {"boot", "root"}) {
    imaging::ManifestPartition row;
    row.name = name;
    row.total_sectors = row.used_sectors = 1;
    row.required_to_flash = row.name == "boot";
    disks.front().partitions.push_back(row);
  }
  ASSERT_TRUE(imaging::import_disks(std::move(disks), {.platform_ids = {"*"}}, image));
  auto before = imaging::load_file(disk.string());
  ASSERT_TRUE(has_table(before));
  const auto sink = flash(image, std::move(before));
  expect_no_table_before_the_end(*sink, 8_MiB);
}

TEST_P(PowerCut, promise_2_no_prefix_of_an_mbr_image_leaves_a_boot_sector_before_the_end) {
  start();
  const auto image = folder_.path() / "image.img";
  imaging::make_mbr_image(image.string(), 4_MiB);
  auto old = imaging::load_file(image.string());
  ASSERT_TRUE(has_table(old));
  const auto sink = flash(image, std::move(old));
  expect_no_table_before_the_end(*sink, 4_MiB);
}

INSTANTIATE_TEST_SUITE_P(Stale, PowerCut,
                         ::testing::Values(StalePolicy::zero, StalePolicy::discard_verified, StalePolicy::keep),
                         [](const auto& row) {
                           std::string name{name_of(row.param)};
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace flashline::line::tests
