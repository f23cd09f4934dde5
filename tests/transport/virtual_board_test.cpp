#include "transport/block/virtual_board.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include "imaging/core/errors/device.h"
#include "tests/fakes/awaited.h"
#include "tests/fakes/scripted_sink.h"

namespace flashline::transport {
namespace {

using namespace std::chrono_literals;
using tests::awaited;
using tests::ScriptedSink;

class Board : public ::testing::Test {
 protected:
  /// Opens the board again, as a retry does.
  void open(BoardTraits traits) {
    auto made = std::make_unique<ScriptedSink>(ByteCount{1_MiB});
    medium = made.get();
    board = std::make_unique<VirtualBoard>(context.get_executor(), std::move(made), traits, history);
  }
  Status write(std::uint64_t at, std::size_t length = 4096, std::byte value = std::byte{0xAA}) {
    std::vector<std::byte> data(length, value);
    return awaited(context, board->write(ByteOffset{at}, {data}));
  }
  std::vector<std::byte> read(std::uint64_t at, std::size_t length = 4096) {
    std::vector<std::byte> data(length);
    EXPECT_TRUE(awaited(context, board->read(ByteOffset{at}, {data})));
    return data;
  }
  static bool is_all(const std::vector<std::byte>& data, std::byte value) {
    return std::ranges::all_of(data, [=](std::byte each) { return each == value; });
  }

  asio::io_context context;
  std::shared_ptr<BoardHistory> history = std::make_shared<BoardHistory>();
  ScriptedSink* medium = nullptr;
  std::unique_ptr<VirtualBoard> board;
};

TEST_F(Board, a_plain_one_keeps_bytes) {
  open({});
  EXPECT_TRUE(write(4096));
  EXPECT_TRUE(awaited(context, board->flush()));
  EXPECT_TRUE(is_all(read(4096), std::byte{0xAA}));
  EXPECT_TRUE(awaited(context, board->zero(ByteOffset{4096}, ByteCount{4096})));
  EXPECT_TRUE(is_all(read(4096), std::byte{0}));
  EXPECT_TRUE(awaited(context, board->discard(ByteOffset{0}, ByteCount{4096})));
  EXPECT_EQ(board->facts().capacity.value, 1_MiB);
}

TEST_F(Board, fails_one_write_and_takes_its_repetition) {
  open({.fail_write = 2});
  EXPECT_TRUE(write(0));
  EXPECT_EQ(write(4096).error().code, errc::device_write);
  EXPECT_TRUE(write(4096));
}

TEST_F(Board, remembers_across_openings) {
  open({.fail_write = 1});
  EXPECT_EQ(write(0).error().code, errc::device_write);
  open({.fail_write = 1});
  EXPECT_TRUE(write(0));
  EXPECT_EQ(history->writes, 2U);
}

TEST_F(Board, lies_about_one_write) {
  open({.lie_write = 1});
  EXPECT_TRUE(write(0, 8192));
  EXPECT_FALSE(is_all(read(0, 8192), std::byte{0xAA}));
  EXPECT_TRUE(write(0, 8192));
  EXPECT_TRUE(is_all(read(0, 8192), std::byte{0xAA}));
}

TEST_F(Board, leaves_and_is_back_when_it_is_opened_again) {
  open({.leave_write = 2});
  EXPECT_TRUE(write(0));
  EXPECT_EQ(write(4096).error().code, errc::device_gone);
  EXPECT_EQ(awaited(context, board->flush()).error().code, errc::device_gone);
  EXPECT_EQ(awaited(context, board->zero(ByteOffset{0}, ByteCount{512})).error().code, errc::device_gone);
  std::vector<std::byte> into(512);
  EXPECT_EQ(awaited(context, board->read(ByteOffset{0}, {into})).error().code, errc::device_gone);
  open({.leave_write = 2});
  EXPECT_TRUE(write(0));
}

TEST_F(Board, vanishes_at_a_byte) {
  open({.vanish_at = ByteOffset{8192}});
  EXPECT_TRUE(write(4096));
  EXPECT_EQ(write(4096, 8192).error().code, errc::device_gone);
  open({.vanish_at = ByteOffset{8192}});
  EXPECT_EQ(write(8192).error().code, errc::device_gone);
}

TEST_F(Board, of_fake_capacity_wraps_around) {
  open({.real_capacity = ByteCount{65536}});
  EXPECT_TRUE(write(0, 4096, std::byte{1}));
  EXPECT_TRUE(write(4096, 4096, std::byte{2}));
  EXPECT_TRUE(write(65536 - 4096, 8192, std::byte{3})) << "across the border";
  EXPECT_TRUE(is_all(read(0), std::byte{3})) << "the early write is gone";
  EXPECT_TRUE(is_all(read(65536), std::byte{3})) << "the same place by another address";
  EXPECT_TRUE(is_all(read(4096 + 131072), std::byte{2}));
  EXPECT_TRUE(awaited(context, board->zero(ByteOffset{131072}, ByteCount{4096})));
  EXPECT_TRUE(is_all(read(0), std::byte{0}));
}

asio::awaitable<void> write_all(VirtualBoard& board, std::uint64_t from, std::uint64_t to) {
  std::vector<std::byte> data(4096, std::byte{5});
  for (auto at = from; at < to; at += data.size()) EXPECT_TRUE(co_await board.write(ByteOffset{at}, {data}));
}

// Its own time is bytes / rate + stalls, however many writes are in flight: never less. How much more depends on what
// else the machine does; the bench measures that.
TEST_F(Board, takes_its_own_time) {
  open({.write_rate = 4_MiB, .read_rate = 8_MiB, .stall_every = ByteCount{256_KiB}, .stall = 30ms});
  const auto start = std::chrono::steady_clock::now();
  asio::co_spawn(context, write_all(*board, 0, 256_KiB), asio::detached);
  asio::co_spawn(context, write_all(*board, 256_KiB, 512_KiB), asio::detached);
  context.run();
  const auto written = std::chrono::steady_clock::now() - start;
  EXPECT_GE(written, 125ms + 60ms - 1ms);
  read(0, 256_KiB);
  EXPECT_GE(std::chrono::steady_clock::now() - start, written + 31ms);
}

// A write of 100 s is in flight; the loop turns on, and pulling the board out is seen at once by others.
TEST_F(Board, does_not_block_the_loop_while_it_is_slow) {
  open({.write_rate = 40});
  asio::co_spawn(context, write_all(*board, 0, 4096), asio::detached);
  while (history->writes == 0) context.run_one();
  board->leave();
  EXPECT_EQ(write(0).error().code, errc::device_gone);
}

}  // namespace
}  // namespace flashline::transport
