#include "tests/fakes/scripted_sink.h"

#include <gtest/gtest.h>

#include "imaging/core/errors/device.h"
#include "tests/fakes/awaited.h"

namespace flashline::tests {
namespace {

constexpr std::byte a{0xA5};
constexpr std::byte b{0x5A};

struct Board {
  explicit Board(SinkScript script = {}) : sink{ByteCount{8192}, std::move(script)} {}
  Status write(std::uint64_t at, std::byte value) {
    std::vector<std::byte> bytes(512, value);
    return awaited(context, sink.write(ByteOffset{at}, {bytes}));
  }
  Status flush() { return awaited(context, sink.flush()); }
  Status read(std::uint64_t at, std::vector<std::byte>& into) {
    into.resize(512);
    return awaited(context, sink.read(ByteOffset{at}, {into}));
  }
  asio::io_context context;
  ScriptedSink sink;
};

TEST(ScriptedSink, keeps_and_gives_back) {
  Board board;
  std::vector<std::byte> back;
  EXPECT_TRUE(board.write(1024, a));
  EXPECT_TRUE(board.read(1024, back));
  EXPECT_EQ(back, std::vector<std::byte>(512, a));
  EXPECT_EQ(board.write(8192, a).error().code, errc::device_write);
  EXPECT_EQ(board.write(100, a).error().code, errc::device_write);
}

TEST(ScriptedSink, stays_unplugged_until_plugged_in) {
  Board board{{{{SinkCall::write, 2}, {.unplug = true}}}};
  EXPECT_TRUE(board.write(0, a));
  EXPECT_EQ(board.write(512, a).error().code, errc::device_gone);
  EXPECT_EQ(board.flush().error().code, errc::device_gone);
  board.sink.plug_in();
  EXPECT_TRUE(board.flush());
  EXPECT_EQ(board.sink.calls(SinkCall::write), 2U);
}

TEST(ScriptedSink, lies_flips_and_writes_short) {
  Board board{{{{SinkCall::write, 1}, {.drop = true}},
               {{SinkCall::write, 2}, {.flip = 7}},
               {{SinkCall::write, 3}, {.short_after = 100}},
               {{SinkCall::flush, 1}, {.error = errc::device_flush}}}};
  EXPECT_TRUE(board.write(0, a));
  EXPECT_TRUE(board.write(512, a));
  EXPECT_EQ(board.write(1024, a).error().code, errc::device_full);
  EXPECT_EQ(board.flush().error().code, errc::device_flush);
  EXPECT_EQ(board.sink.memory()[0], std::byte{0});
  EXPECT_EQ(board.sink.memory()[512 + 7], a ^ std::byte{1});
  EXPECT_EQ(board.sink.memory()[1024 + 99], a);
  EXPECT_EQ(board.sink.memory()[1024 + 100], std::byte{0});
}

TEST(ScriptedSink, nothing_reaches_it_after_the_cut) {
  Board board;
  board.sink.cut_after = 1;
  EXPECT_TRUE(board.write(0, a));
  EXPECT_TRUE(board.write(512, a));
  EXPECT_EQ(board.sink.memory()[0], a);
  EXPECT_EQ(board.sink.memory()[512], std::byte{0});
}

TEST(ScriptedSink, a_cut_keeps_what_was_flushed_and_any_of_the_rest) {
  Board board;
  EXPECT_TRUE(board.write(0, a));
  EXPECT_TRUE(board.write(512, a));
  EXPECT_TRUE(board.flush());
  EXPECT_TRUE(board.write(0, b));
  EXPECT_TRUE(board.write(512, b));
  const auto all = board.sink.memory_if_cut(5);
  EXPECT_EQ(all, board.sink.memory());
  const auto second_only = board.sink.memory_if_cut(5, [](std::size_t call) { return call == 4; });
  EXPECT_EQ(second_only[0], a);
  EXPECT_EQ(second_only[512], b);
  EXPECT_EQ(board.sink.memory_if_cut(1)[512], std::byte{0});
}

}  // namespace
}  // namespace flashline::tests
