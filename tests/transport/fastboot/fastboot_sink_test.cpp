#include "transport/fastboot/fastboot_sink.h"

#include <boost/asio/thread_pool.hpp>
#include <gtest/gtest.h>
#include <random>

#include "imaging/core/errors/device.h"
#include "imaging/core/errors/fastboot.h"
#include "tests/transport/fastboot/board_pair.h"

namespace flashline::transport {
namespace {

using Do = lab::FastbootMischief::Do;
using Flavour = lab::FastbootBoardPlan::Flavour;

constexpr std::uint64_t capacity = 16_MiB;

Status write(BoardPair& pair, FastbootSink& sink, std::uint64_t at, std::vector<std::byte> bytes) {
  return pair.run(sink.write(ByteOffset{at}, {bytes}));
}

lab::FastbootBoardPlan u_boot_board() {
  return {.flavour = Flavour::u_boot, .partition = "all", .capacity = capacity, .max_download = "16777216"};
}

TEST(FastbootSink, SaysWhatTheBoardSaysOfItself) {
  BoardPair pi{{.capacity = capacity}};
  const auto sink = pi.sink();
  EXPECT_EQ(sink->facts().capacity.value, capacity);
  EXPECT_EQ(sink->facts().sector_size, 512U);
  EXPECT_EQ(sink->facts().medium, "cid 150100303030303030a1b2c3d4e5f600");
  EXPECT_EQ(sink->facts().path, "fastboot:10000000deadbeef/mmcblk0");
  EXPECT_EQ(sink->facts().read_back, ReadBack::by_board);
  EXPECT_TRUE(sink->facts().can_discard);

  BoardPair imx{u_boot_board()};
  EXPECT_EQ(imx.sink(u_boot_target())->facts().capacity.value, capacity);
  EXPECT_EQ(imx.sink(u_boot_target())->facts().medium, "10000000deadbeef/all on usb/1");

  auto in_sectors = u_boot_board();
  in_sectors.size_in_sectors = true;
  BoardPair old{in_sectors};
  auto target = u_boot_target();
  target.size = FastbootTarget::Size::sectors;
  target.verify = FastbootTarget::Verify::none;
  EXPECT_EQ(old.sink(target)->facts().capacity.value, capacity);
  EXPECT_EQ(old.sink(target)->facts().read_back, ReadBack::none);
}

TEST(FastbootSink, ABoardWithoutASerialNumberIsNotTakenForAnother) {
  auto nameless = u_boot_board();
  nameless.serial.clear();
  BoardPair board{nameless};
  EXPECT_EQ(board.sink(u_boot_target())->facts().medium, "");
}

TEST(FastbootSink, RefusesSizesThatMakeNoSense) {
  for (const auto& [name, value] :
       std::vector<std::pair<std::string, std::string>>{{"mmc-sector-count", ""},
                                                        {"mmc-sector-count", "0"},
                                                        {"mmc-sector-count", "many"},
                                                        {"mmc-sector-count", "0xffffffffffffffff"},
                                                        {"mmc-sector-size", "0"},
                                                        {"mmc-sector-size", "513"},
                                                        {"max-download-size", "4096"},
                                                        {"max-download-size", "-1"}}) {
    BoardPair pair{{.variables = {{name, value}}}};
    EXPECT_EQ(pair.sink(), nullptr) << name << value;
    ASSERT_TRUE(pair.error);
    EXPECT_EQ(pair.error->code, errc::fastboot_size) << name << value;
  }
  BoardPair silent{{.variables = {{"max-download-size", ""}}}};
  EXPECT_NE(silent.sink(), nullptr);
}

TEST(FastbootSink, SendsNothingBeforeItHasToAndAllOfItAtAFlush) {
  BoardPair pair{{.capacity = capacity}};
  const auto sink = pair.sink();
  EXPECT_TRUE(write(pair, *sink, 8192, noise(4096, 1)));
  EXPECT_TRUE(write(pair, *sink, 0, noise(4096, 2)));
  EXPECT_TRUE(pair.run(sink->zero(ByteOffset{1_MiB}, ByteCount{1_MiB})));
  EXPECT_EQ(pair.count("download"), 0U);
  EXPECT_TRUE(pair.run(sink->flush()));
  EXPECT_EQ(pair.count("download"), 1U);
  EXPECT_EQ(pair.count("flash:mmcblk0"), 1U);
  EXPECT_EQ(pair.board->medium().read(0, 4096), noise(4096, 2));
  EXPECT_EQ(pair.board->medium().read(8192, 4096), noise(4096, 1));
  EXPECT_EQ(pair.acknowledged.size(), 3U);
  EXPECT_TRUE(pair.run(sink->flush()));
  EXPECT_EQ(pair.count("download"), 1U);
}

TEST(FastbootSink, BarrierHoldsBackTheNextPhase) {
  BoardPair pair{{.capacity = capacity, .mischief = {{.on = "flash", .nth = 0, .what = Do::fail, .text = "worn out"}}}};
  const auto sink = pair.sink();
  EXPECT_TRUE(write(pair, *sink, 1_MiB, noise(4096, 1)));
  EXPECT_EQ(code(pair.run(sink->flush())), "FL-FBT-010");
  EXPECT_EQ(pair.count("flash"), 2U);
  // The table that would make it boot: neither taken nor sent.
  EXPECT_EQ(code(write(pair, *sink, 0, noise(4096, 2))), "FL-FBT-010");
  EXPECT_EQ(code(pair.run(sink->zero(ByteOffset{0}, ByteCount{4096}))), "FL-FBT-010");
  EXPECT_EQ(code(pair.run(sink->flush())), "FL-FBT-010");
  EXPECT_EQ(code(pair.run(sink->verify_written())), "FL-FBT-010");
  EXPECT_EQ(code(pair.run(sink->discard(ByteOffset{0}, ByteCount{capacity}))), "FL-FBT-010");
  EXPECT_EQ(pair.count("download"), 2U);
  EXPECT_TRUE(pair.acknowledged.empty());
}

TEST(FastbootSink, ASegmentThatFailsOnceIsSentAgain) {
  for (const auto& mischief : {lab::FastbootMischief{.on = "flash", .nth = 2, .what = Do::fail, .text = "busy"},
                               lab::FastbootMischief{.on = "download", .nth = 2, .what = Do::fail},
                               lab::FastbootMischief{.on = "download", .nth = 2, .what = Do::wrong_length},
                               lab::FastbootMischief{.on = "flash", .nth = 2, .what = Do::silence},
                               lab::FastbootMischief{.on = "flash", .nth = 2, .what = Do::endless_lines}}) {
    BoardPair pair{{.capacity = capacity, .mischief = {mischief}}};
    const auto sink = pair.sink();
    for (std::uint32_t each = 0; each < 3; ++each) {
      EXPECT_TRUE(write(pair, *sink, each * 1_MiB, noise(65536, each)));
      EXPECT_TRUE(pair.run(sink->flush()));
    }
    EXPECT_EQ(pair.count("download"), 4U);
    EXPECT_EQ(pair.notes.size(), 1U);
    for (std::uint32_t each = 0; each < 3; ++each) {
      EXPECT_EQ(pair.board->medium().read(each * 1_MiB, 65536), noise(65536, each));
    }
    EXPECT_TRUE(pair.run(sink->verify_written()));
  }
}

TEST(FastbootSink, ABoardThatLeavesIsGoneWithItsAcknowledgedRangesKnown) {
  BoardPair pair{{.capacity = capacity, .mischief = {{.on = "flash", .nth = 2, .what = Do::leave}}}};
  const auto sink = pair.sink();
  EXPECT_TRUE(write(pair, *sink, 0, noise(65536, 1)));
  EXPECT_TRUE(pair.run(sink->flush()));
  EXPECT_TRUE(write(pair, *sink, 1_MiB, noise(65536, 2)));
  const auto flushed = pair.run(sink->flush());
  EXPECT_EQ(flushed.error().code, errc::device_gone);
  EXPECT_NE(flushed.error().detail.find("offset 1048576"), std::string::npos) << flushed.error().detail;
  ASSERT_EQ(pair.acknowledged.size(), 1U);
  EXPECT_EQ(pair.acknowledged[0].second.value, 65536U);
}

TEST(FastbootSink, CannotReadAndKeepsToItsMedium) {
  BoardPair pair{{.capacity = capacity}};
  const auto sink = pair.sink();
  std::vector<std::byte> bytes(4096);
  EXPECT_EQ(code(pair.run(sink->read(ByteOffset{0}, {bytes}))), "FL-FBT-011");
  EXPECT_EQ(write(pair, *sink, 100, noise(512, 1)).error().code, errc::device_write);
  EXPECT_EQ(write(pair, *sink, 0, noise(100, 1)).error().code, errc::device_write);
  EXPECT_EQ(write(pair, *sink, capacity, noise(512, 1)).error().code, errc::device_write);
  EXPECT_EQ(write(pair, *sink, capacity - 512, noise(1024, 1)).error().code, errc::device_write);
  EXPECT_EQ(pair.run(sink->zero(ByteOffset{512}, ByteCount{~511ULL})).error().code, errc::device_write);
  EXPECT_TRUE(write(pair, *sink, capacity - 512, noise(512, 1)));
  EXPECT_TRUE(pair.run(sink->flush()));
  EXPECT_EQ(pair.board->medium().read(capacity - 512, 512), noise(512, 1));
}

TEST(FastbootSink, ErasesTheWholeMediumOnly) {
  for (const bool works : {true, false}) {
    BoardPair pair{{.capacity = capacity, .erase_works = works}};
    pair.board->medium().write(0, noise(4096, 1));
    const auto sink = pair.sink();
    EXPECT_TRUE(pair.run(sink->discard(ByteOffset{0}, ByteCount{4096})));
    EXPECT_EQ(pair.count("erase"), 0U);
    EXPECT_TRUE(pair.run(sink->discard(ByteOffset{0}, ByteCount{capacity})));
    EXPECT_EQ(pair.count("erase:mmcblk0"), 1U);
    EXPECT_EQ(pair.notes.size(), works ? 0U : 1U);
    EXPECT_EQ(pair.board->medium().read(0, 4096) == noise(4096, 1), !works);
  }
}

TEST(FastbootSink, EndsASegmentWhereABlockComesTwice) {
  BoardPair pair{{.capacity = capacity}};
  const auto sink = pair.sink();
  EXPECT_TRUE(write(pair, *sink, 0, noise(131072, 1)));
  EXPECT_TRUE(write(pair, *sink, 131072, noise(131072, 2)));
  EXPECT_TRUE(write(pair, *sink, 65536, noise(4096, 3)));
  EXPECT_EQ(pair.count("flash"), 1U);
  EXPECT_TRUE(pair.run(sink->flush()));
  EXPECT_EQ(pair.count("flash"), 2U);
  EXPECT_EQ(pair.board->medium().read(65536, 4096), noise(4096, 3));
  EXPECT_TRUE(pair.run(sink->verify_written()));
}

TEST(FastbootSink, KeepsToTheBoardsMemoryAndItsOwn) {
  auto plan = u_boot_board();
  plan.max_download = "0x100000";
  BoardPair pair{plan};
  const auto sink = pair.sink(u_boot_target());
  EXPECT_TRUE(write(pair, *sink, 0, noise(5 * 1024 * 1024, 1)));
  EXPECT_TRUE(pair.run(sink->flush()));
  EXPECT_EQ(pair.count("flash"), 6U);
  EXPECT_EQ(pair.board->medium().read(0, 5 * 1024 * 1024), noise(5 * 1024 * 1024, 1));

  BoardPair small{{.capacity = capacity}};
  const auto frugal = small.sink(pi_gadget_target(), {.memory = ByteCount{1_MiB}});
  EXPECT_TRUE(write(small, *frugal, 0, noise(4 * 1024 * 1024, 1)));
  EXPECT_TRUE(small.run(frugal->flush()));
  EXPECT_EQ(small.count("flash"), 4U);
}

TEST(FastbootSink, ZerosCostNoMemoryAndAreWritten) {
  BoardPair pair{{.capacity = 4_GiB}};
  pair.board->medium().write(3_GiB, noise(4096, 1));
  auto target = pi_gadget_target();
  target.most_written = ByteCount{1_GiB};
  target.verify = FastbootTarget::Verify::none;
  // The emulator's medium keeps every page that is written: a gigabyte of them is not the point here.
  const auto sink = pair.sink(target);
  EXPECT_TRUE(pair.run(sink->zero(ByteOffset{3_GiB - 8_MiB}, ByteCount{16_MiB})));
  EXPECT_TRUE(pair.run(sink->flush()));
  EXPECT_EQ(pair.board->medium().read(3_GiB, 4096), std::vector<std::byte>(4096));
  EXPECT_EQ(pair.count("flash"), 1U);
}

struct Medium {
  const char* name;
  std::uint64_t capacity;
  std::uint32_t sector;
  lab::FastbootBoardPlan plan;
  FastbootTarget target;
};
class WriteSequence : public ::testing::TestWithParam<Medium> {};

/// What an engine does with an FFU: both ends wiped, data in any order, barriers, a table last; then read back.
TEST_P(WriteSequence, LeavesTheMediumAsAModelInMemory) {
  const auto& row = GetParam();
  auto plan = row.plan;
  plan.capacity = row.capacity;
  plan.sector_size = row.sector;
  std::mt19937 random{7};
  for (int pass = 0; pass < 2; ++pass) {
    BoardPair pair{plan};
    auto model = noise(row.capacity, 99);
    pair.board->medium().write(0, model);
    auto target = row.target;
    target.most_written = ByteCount{3_MiB};
    const auto sink = pair.sink(target, {.memory = ByteCount{600'000}});
    ASSERT_TRUE(sink) << to_text(*pair.error);
    const auto put = [&](std::uint64_t at, std::vector<std::byte> bytes) {
      std::ranges::copy(bytes, model.begin() + static_cast<std::ptrdiff_t>(at));
      ASSERT_TRUE(write(pair, *sink, at, std::move(bytes)));
    };
    const auto clear = [&](std::uint64_t at, std::uint64_t length) {
      std::fill_n(model.begin() + static_cast<std::ptrdiff_t>(at), length, std::byte{0});
      ASSERT_TRUE(pair.run(sink->zero(ByteOffset{at}, ByteCount{length})));
    };
    const std::uint64_t sectors = row.capacity / row.sector;
    clear(0, 1_MiB);
    clear(row.capacity - 64 * row.sector, 64 * row.sector);
    ASSERT_TRUE(pair.run(sink->flush()));
    for (std::uint32_t each = 0; each < 60; ++each) {
      const std::uint64_t grain = pass % 2 == 0 ? 131072 / row.sector : 1;
      const std::uint64_t count = std::min<std::uint64_t>(grain * (1 + random() % 3), sectors);
      const std::uint64_t first = random() % (sectors - count + 1) / grain * grain;
      if (each % 7 == 3)
        clear(first * row.sector, count * row.sector);
      else
        put(first * row.sector, noise(count * row.sector, each));
      if (each % 20 == 19) {
        ASSERT_TRUE(pair.run(sink->flush()));
        // What was acknowledged is there; nothing was kept back.
        ASSERT_EQ(pair.board->medium().read(0, row.capacity), model);
      }
    }
    put(row.capacity - 33 * row.sector, noise(33 * row.sector, 1001));
    put(0, noise(34 * row.sector, 1000));
    ASSERT_TRUE(pair.run(sink->flush()));
    EXPECT_EQ(pair.board->medium().read(0, row.capacity), model);
    EXPECT_EQ(code(pair.run(sink->verify_written())), "");

    pair.board->medium().write(row.capacity - row.sector, noise(1, 3));
    EXPECT_EQ(code(pair.run(sink->verify_written())), "") << "what was verified is not looked at again";
  }
}

INSTANTIATE_TEST_SUITE_P(Boards, WriteSequence,
                         ::testing::Values(Medium{"pi", 6_MiB, 512, {}, pi_gadget_target()},
                                           Medium{"pi_of_odd_size", 5_MiB + 512 * 3, 512, {}, pi_gadget_target()},
                                           Medium{"pi_of_large_sectors", 5_MiB + 4096, 4096, {}, pi_gadget_target()},
                                           Medium{"u_boot", 6_MiB, 512, u_boot_board(), u_boot_target()},
                                           Medium{"u_boot_of_odd_size", 5_MiB + 512, 512, u_boot_board(),
                                                  u_boot_target()}),
                         [](const auto& row) { return row.param.name; });

struct Verification {
  const char* name;
  lab::FastbootBoardPlan plan;
  FastbootTarget target;
};
class Verify : public ::testing::TestWithParam<Verification> {};

TEST_P(Verify, FindsWhatTheBoardDidNotKeep) {
  for (const Do what : {Do::lie, Do::flip}) {
    auto plan = GetParam().plan;
    plan.capacity = capacity;
    plan.mischief = {{.on = "flash", .nth = 2, .what = what}};
    BoardPair pair{plan};
    const auto sink = pair.sink(GetParam().target);
    for (std::uint32_t each = 0; each < 3; ++each) {
      EXPECT_TRUE(write(pair, *sink, each * 2_MiB, noise(300'032, each)));
      EXPECT_TRUE(pair.run(sink->flush()));
    }
    const auto verified = pair.run(sink->verify_written());
    EXPECT_EQ(code(verified), "FL-DEV-007");
    EXPECT_NE(verified.error().detail.find("offset 2097152, "), std::string::npos) << verified.error().detail;
  }
}

TEST_P(Verify, SeesZerosThatAreNone) {
  auto plan = GetParam().plan;
  plan.capacity = capacity;
  BoardPair pair{plan};
  const auto sink = pair.sink(GetParam().target);
  EXPECT_TRUE(pair.run(sink->zero(ByteOffset{4_MiB}, ByteCount{8_MiB})));
  EXPECT_TRUE(write(pair, *sink, 2_MiB, noise(2_MiB, 1)));
  EXPECT_TRUE(pair.run(sink->flush()));
  pair.board->medium().write(10_MiB + 5, noise(1, 1));
  EXPECT_EQ(code(pair.run(sink->verify_written())), "FL-DEV-007");
}

TEST_P(Verify, ThatTheBoardCannotDoIsNoMismatch) {
  auto plan = GetParam().plan;
  plan.capacity = capacity;
  plan.mischief = {{.on = "oem bmap-verify", .nth = 0, .what = Do::fail, .text = "out of memory"},
                   {.on = "UCmd:mmc read", .nth = 0, .what = Do::fail, .text = "no such command"}};
  BoardPair pair{plan};
  const auto sink = pair.sink(GetParam().target);
  EXPECT_TRUE(write(pair, *sink, 0, noise(4096, 1)));
  EXPECT_TRUE(pair.run(sink->flush()));
  EXPECT_EQ(code(pair.run(sink->verify_written())), "FL-FBT-012");
}

INSTANTIATE_TEST_SUITE_P(
    Boards, Verify,
    ::testing::Values(Verification{"bmap", {}, pi_gadget_target()},
                      Verification{"bmap_of_the_other_magic", {.bmap_magic = 0x424D4150}, pi_gadget_target()},
                      Verification{"crc32", u_boot_board(), u_boot_target()}),
    [](const auto& row) { return row.param.name; });

TEST(FastbootSink, WhereNothingCanBeVerifiedNothingIsSaid) {
  auto target = pi_gadget_target();
  target.verify = FastbootTarget::Verify::none;
  BoardPair pair{{.capacity = capacity, .mischief = {{.on = "flash", .nth = 1, .what = Do::lie}}}};
  const auto sink = pair.sink(target);
  EXPECT_EQ(sink->facts().read_back, ReadBack::none);
  EXPECT_TRUE(write(pair, *sink, 0, noise(4096, 1)));
  EXPECT_TRUE(pair.run(sink->flush()));
  EXPECT_TRUE(pair.run(sink->verify_written()));
}

TEST(FastbootSink, TakesWritesThatOverlapInTimeAndDigestsThemElsewhere) {
  BoardPair pair{{.capacity = capacity}};
  boost::asio::thread_pool workers{2};
  const auto sink = pair.sink(pi_gadget_target(), {.memory = ByteCount{512 * 1024}, .workers = workers.get_executor()});
  std::vector<std::vector<std::byte>> bytes;
  for (std::uint32_t each = 0; each < 40; ++each) bytes.push_back(noise(131072, each));
  std::size_t done = 0;
  for (std::size_t each = 0; each < bytes.size(); ++each) {
    boost::asio::co_spawn(pair.context, sink->write(ByteOffset{each * 131072}, {bytes[each]}),
                          [&](std::exception_ptr, const Status& status) { done += status ? 1U : 0U; });
  }
  pair.context.restart();
  pair.context.run();
  EXPECT_EQ(done, bytes.size());
  EXPECT_TRUE(pair.run(sink->flush()));
  EXPECT_TRUE(pair.run(sink->verify_written()));
  for (std::size_t each = 0; each < bytes.size(); ++each) {
    EXPECT_EQ(pair.board->medium().read(each * 131072, 131072), bytes[each]);
  }
}

}  // namespace
}  // namespace flashline::transport
