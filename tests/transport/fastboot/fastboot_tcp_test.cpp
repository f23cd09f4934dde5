// Debian's own fastboot against the board that our tests talk to: its proof by a peer that knows nothing of us.
#include <array>
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <fstream>
#include <gtest/gtest.h>
#include <thread>

#include "tests/fakes/temp_folder.h"
#include "tests/fakes/tool.h"
#include "tests/transport/fastboot/board_pair.h"

namespace flashline::transport {
namespace {

using boost::asio::ip::tcp;

/// fastboot over TCP: four bytes each way, then messages behind their length, big-endian.
class TcpCarrier {
 public:
  explicit TcpCarrier(lab::FastbootBoard& board) : board_{board}, thread_{[this] { serve(); }} {}
  ~TcpCarrier() {
    boost::system::error_code ignored;
    ending_ = true;
    tcp::socket last{context_};
    last.connect(acceptor_.local_endpoint(), ignored);
    thread_.join();
  }
  std::string name() const { return "tcp:127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port()); }

 private:
  void serve() {
    for (;;) {
      tcp::socket socket{context_};
      boost::system::error_code error;
      acceptor_.accept(socket, error);
      if (ending_ || error) return;
      std::array<char, 4> hello{};
      boost::asio::read(socket, boost::asio::buffer(hello), error);
      boost::asio::write(socket, boost::asio::buffer("FB01", 4), error);
      while (!error) message(socket, error);
    }
  }

  void message(tcp::socket& socket, boost::system::error_code& error) {
    std::array<unsigned char, 8> head{};
    boost::asio::read(socket, boost::asio::buffer(head), error);
    if (error) return;
    std::uint64_t size = 0;
    for (const unsigned char each : head) size = size << 8U | each;
    std::vector<std::byte> data(static_cast<std::size_t>(size));
    boost::asio::read(socket, boost::asio::buffer(data), error);
    if (!error) board_.out(1, data);
    for (lab::Reply reply = board_.in(1, 4096); reply.kind == lab::Reply::Kind::done; reply = board_.in(1, 4096)) {
      for (std::size_t at = 0; at < 8; ++at)
        head.at(at) = static_cast<unsigned char>(reply.data.size() >> (56 - 8 * at));
      boost::asio::write(
          socket, std::array{boost::asio::buffer(head), boost::asio::buffer(reply.data.data(), reply.data.size())},
          error);
      if (board_.leaves()) return socket.close();
    }
  }

  lab::FastbootBoard& board_;
  boost::asio::io_context context_{};
  tcp::acceptor acceptor_{context_, {boost::asio::ip::make_address_v4("127.0.0.1"), 0}};
  std::atomic<bool> ending_ = false;
  std::thread thread_;
};

class DebiansFastboot : public ::testing::Test {
 protected:
  void SetUp() override {
    if (run_tool("fastboot --version").code != 0) GTEST_SKIP() << "fastboot is not installed";
  }
  ToolRun fastboot(const TcpCarrier& carrier, const std::string& words) {
    return run_tool("fastboot -s " + carrier.name() + " " + words);
  }
  std::string file(std::string_view name, std::span<const std::byte> bytes) {
    return folder.file(name, {reinterpret_cast<const char*>(bytes.data()), bytes.size()}).string();
  }
  fakes::TempFolder folder;
};

TEST_F(DebiansFastboot, TalksToTheBoard) {
  lab::FastbootBoard board{{.capacity = 32_MiB}};
  const TcpCarrier carrier{board};
  const auto version = fastboot(carrier, "getvar version");
  EXPECT_EQ(version.code, 0) << version.output;
  EXPECT_NE(version.output.find("version: 0.4"), std::string::npos) << version.output;
  const auto all = fastboot(carrier, "getvar all");
  EXPECT_NE(all.output.find("serialno:10000000deadbeef"), std::string::npos) << all.output;
  const auto unknown = fastboot(carrier, "oem nothing");
  EXPECT_NE(unknown.code, 0);
  EXPECT_NE(unknown.output.find("unknown oem command"), std::string::npos) << unknown.output;
}

TEST_F(DebiansFastboot, FlashesARawImageAndErases) {
  lab::FastbootBoard board{{.capacity = 32_MiB}};
  const TcpCarrier carrier{board};
  const auto raw = noise(3 * 1024 * 1024, 5);
  const auto flashed = fastboot(carrier, "flash mmcblk0 " + file("raw.img", raw));
  EXPECT_EQ(flashed.code, 0) << flashed.output;
  EXPECT_EQ(board.medium().read(0, raw.size()), raw);
  const auto refused = fastboot(carrier, "flash nothing " + file("raw.img", raw));
  EXPECT_NE(refused.code, 0);
  const auto erased = fastboot(carrier, "erase mmcblk0");
  EXPECT_EQ(erased.code, 0) << erased.output;
  EXPECT_EQ(board.medium().read(0, 4096), std::vector<std::byte>(4096));
  EXPECT_EQ(fastboot(carrier, "reboot").code, 0);
}

TEST_F(DebiansFastboot, SplitsALargeImageAsWeDo) {
  // Its own sparse files, several of them, through the same parser as ours.
  lab::FastbootBoard board{{.capacity = 32_MiB, .max_download = "0x200000"}};
  const TcpCarrier carrier{board};
  const auto raw = noise(7 * 1024 * 1024, 6);
  const auto flashed = fastboot(carrier, "flash mmcblk0 " + file("raw.img", raw));
  EXPECT_EQ(flashed.code, 0) << flashed.output;
  EXPECT_EQ(board.medium().read(0, raw.size()), raw);
  EXPECT_GE(std::ranges::count(board.commands(), "flash:mmcblk0"), 4);
}

TEST_F(DebiansFastboot, TakesTheSparseFilesThatWeWrite) {
  lab::FastbootBoard board{{.capacity = 32_MiB}};
  board.medium().write(0, noise(1_MiB, 1));
  SparseFile sparse{4096};
  const auto first = noise(8192, 2);
  const auto second = noise(131072, 3);
  sparse.skip(16);
  sparse.raw(first);
  sparse.zeros(2);
  sparse.skip(1000);
  sparse.raw(second);
  std::vector<std::byte> bytes(static_cast<std::size_t>(sparse.size()));
  sparse.read(0, bytes);
  const TcpCarrier carrier{board};
  const auto flashed = fastboot(carrier, "flash mmcblk0 " + file("sparse.img", bytes));
  EXPECT_EQ(flashed.code, 0) << flashed.output;
  auto old = noise(1_MiB, 1);
  old.resize(65536);
  EXPECT_EQ(board.medium().read(0, 65536), old);
  EXPECT_EQ(board.medium().read(16 * 4096ULL, 8192), first);
  EXPECT_EQ(board.medium().read(18 * 4096ULL, 8192), std::vector<std::byte>(8192));
  EXPECT_EQ(board.medium().read(1020 * 4096ULL, 131072), second);
}

}  // namespace
}  // namespace flashline::transport
