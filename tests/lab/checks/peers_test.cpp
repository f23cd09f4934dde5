// The emulated boards before the tools that others flash such boards with, unmodified as Debian has them.
#include <algorithm>
#include <fstream>
#include <gtest/gtest.h>

#include "imaging/ffu/write_ffu.h"
#include "tests/fakes/command.h"
#include "tests/lab/emulators/boot_images.h"
#include "tests/lab/emulators/fastboot_board.h"
#include "tests/lab/emulators/firehose_programmer.h"
#include "tests/lab/emulators/sahara_rom.h"
#include "tests/lab/emulators/sdp_rom.h"
#include "tests/lab/emulators/sdps_rom.h"
#include "tests/lab/usbip/lab_board.h"

namespace flashline::lab {
namespace {

class Peers : public testing::Test {
 protected:
  std::filesystem::path file(const std::string& name, const Bytes& bytes) const {
    std::ofstream out{folder_ / name, std::ios::binary};
    out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    return folder_ / name;
  }
  std::filesystem::path file(const std::string& name, std::string_view text) const {
    std::ofstream{folder_ / name} << text;
    return folder_ / name;
  }

  /// Runs a tool while `device` is plugged in; it must say that all is well.
  void run(const std::shared_ptr<EmulatedDevice>& device, const std::vector<std::string>& words) {
    LabBoard board{{.socket = 5, .stages = {{"board", [&](unsigned) { return device; }}}}};
    board.plug();
    const auto result = fakes::run_command(words, {}, 120000);
    EXPECT_EQ(result.exit_code, 0) << words.front() << ": " << result.out << result.err;
    said_ = result.out + result.err;
  }

  fakes::TempFolder folder_;
  std::string said_;
};

TEST_F(Peers, UuuWritesIntoAnImx6) {
  const auto rom = std::make_shared<SdpRomDevice>(imx6q());
  const Bytes data = pattern(5000, 3);
  run(rom, {"uuu", "-t", "20", "SDP:", "write", "-f", file("data.bin", data), "-addr", "0x00910000"});
  EXPECT_TRUE(rom->memory().read(0x00910000, data.size()) == data) << said_;
}

TEST_F(Peers, UuuBootsAnImx8ByTheStreamProtocol) {
  const auto rom = std::make_shared<SdpsRomDevice>(imx8mp());
  const Bytes image = container_image({.rest = 0});
  run(rom, {"uuu", "-t", "20", "SDPS:", "boot", "-f", file("flash.bin", image)});
  EXPECT_TRUE(rom->runs()) << said_ << rom->stream().size();
}

TEST_F(Peers, QdlLoadsAProgrammerAndWritesStorage) {
  const Bytes programmer = pattern(60000, 5);
  const Bytes data = pattern(std::size_t{512} * 200, 8);  // qdl sends a packet at a time
  const auto storage = std::make_shared<FirehoseProgrammer>();
  const auto rom = std::make_shared<SaharaRom>(SaharaRomPlan{}, storage);
  file("disk.img", data);
  file("rawprogram0.xml",
       "<?xml version=\"1.0\"?>\n<data>\n<program SECTOR_SIZE_IN_BYTES=\"512\" file_sector_offset=\"0\" "
       "filename=\"disk.img\" "
       "label=\"disk\" num_partition_sectors=\"200\" physical_partition_number=\"0\" size_in_KB=\"100\" "
       "sparse=\"false\" "
       "start_byte_hex=\"0x0\" start_sector=\"64\"/>\n</data>\n");
  file("patch0.xml", "<?xml version=\"1.0\"?>\n<patches>\n</patches>\n");
  run(rom, {"qdl", "--storage", "emmc", "--include", folder_.path(), file("prog.mbn", programmer),
            folder_ / "rawprogram0.xml", folder_ / "patch0.xml"});
  EXPECT_TRUE(rom->runs()) << said_;
  EXPECT_TRUE(rom->image() == programmer);
  EXPECT_TRUE(storage->medium().read(std::uint64_t{64} * 512, data.size()) == data) << said_ << storage->commands();
}

TEST_F(Peers, FastbootWritesThroughThePisGadget) {
  const auto gadget = std::make_shared<FastbootBoard>();
  const Bytes data = pattern(1U << 20U, 4);
  run(gadget, {"fastboot", "-s", "10000000deadbeef", "flash", "mmcblk0", file("disk.img", data)});
  EXPECT_TRUE(gadget->medium().read(0, data.size()) == data) << said_;
}

TEST_F(Peers, UuuWritesThroughUBootsFastboot) {
  FastbootBoardPlan plan{.flavour = FastbootBoardPlan::Flavour::u_boot, .partition = "all", .max_download = "16777216"};
  plan.vendor = 0x0525;
  plan.product = 0xa4a5;
  const auto board = std::make_shared<FastbootBoard>(plan);
  const Bytes data = pattern(1U << 20U, 6);
  run(board, {"uuu", "-t", "20", "FB:", "flash", "all", file("disk.img", data)});
  EXPECT_TRUE(board->medium().read(0, data.size()) == data) << said_;
}

/// An FFU of `disk` by the program's own writer: tables first as zeros, then the data, then the tables; holes are left
/// out. Nobody signs it: uuu does not look.
imaging::FfuContent ffu_of(const Bytes& disk) {
  using imaging::FfuBlock;
  using imaging::Phase;
  using Anchor = imaging::Place::Anchor;
  imaging::FfuContent content;
  const std::size_t block = content.block_size;
  const auto blocks = static_cast<std::uint32_t>(disk.size() / block);
  content.manifest.platform_ids = {"NXP-iMX6"};
  imaging::FfuStore store;
  store.description.min_sector_count = disk.size() / 512;
  const auto at = [blocks, block](const FfuBlock& each) {
    return std::size_t{each.anchor == Anchor::end ? blocks - 1 - each.index : each.index} * block;
  };
  std::vector<FfuBlock> data;
  for (std::uint32_t index = 1; index + 1 < blocks; ++index) {
    const auto bytes = std::span{disk}.subspan(at({.index = index}), block);
    if (std::ranges::any_of(bytes, [](std::byte each) { return each != std::byte{0}; }))
      data.push_back({.index = index});
  }
  store.phases = {{Phase::Kind::initial_table, {{.zeros = true}, {.anchor = Anchor::end, .zeros = true}}},
                  {Phase::Kind::data, std::move(data)},
                  {Phase::Kind::final_table, {{}, {.anchor = Anchor::end}}}};
  store.fill = [&disk, at](const FfuBlock& each, std::span<std::byte> out) -> Status {
    std::ranges::copy(std::span{disk}.subspan(at(each), out.size()), out.begin());
    return {};
  };
  content.stores = {std::move(store)};
  return content;
}

TEST_F(Peers, UuuFlashesAnFfuOfOursThroughUBootsFastboot) {
  constexpr std::size_t size = std::size_t{8} << 20U;
  FastbootBoardPlan plan{
      .flavour = FastbootBoardPlan::Flavour::u_boot, .partition = "all", .capacity = size, .max_download = "16777216"};
  plan.vendor = 0x0525;
  plan.product = 0xa4a5;
  const auto board = std::make_shared<FastbootBoard>(plan);
  Bytes disk = pattern(size, 12);
  std::fill_n(disk.begin() + (3U << 20U), 2U << 20U, std::byte{0});  // a hole: the image has no blocks for it
  const auto image = folder_ / "image.ffu";
  const auto written = imaging::write_ffu(
      image, ffu_of(disk), [](std::span<const std::byte>) { return Result<Bytes>{Bytes(200, std::byte{0x30})}; });
  ASSERT_TRUE(written) << to_text(written.error());
  run(board, {"uuu", "-t", "20", "FB:", "flash", "-raw2sparse", "all", image});
  EXPECT_TRUE(board->medium().read(0, size) == disk) << said_;
  const auto flashed = std::ranges::count(board->commands(), "flash:all");
  EXPECT_EQ(flashed, 64 - 16) << "a block a flash, the hole and the zeroed tables left out";
}

}  // namespace
}  // namespace flashline::lab
