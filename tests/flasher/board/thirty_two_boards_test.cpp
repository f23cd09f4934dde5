// Thirty-two boards from their boot ROM to storage at once. What a clock would say depends on the machine that the test
// runs on (scripts/bench --rows boards asks it); what a board is asked for does not: in company it is asked exactly
// what it is asked alone.

#include <algorithm>
#include <array>
#include <ostream>

#include "flasher/board/bring_up.h"
#include "tests/flasher/engine/engine_fixture.h"
#include "tests/lab/emulators/emulated_host.h"
#include "tests/lab/emulators/mass_storage.h"
#include "tests/lab/emulators/pi_boot_rom.h"
#include "tests/lab/emulators/pi_file_server.h"

namespace flashline::line::tests {
namespace {

constexpr std::uint64_t capacity = 2_MiB;
constexpr std::size_t boot_image_size = 1'500'000;
constexpr unsigned boards_at_once = 32;

/// What a board was asked on the wire, and its storage.
struct Asked {
  std::size_t control = 0;
  std::size_t out = 0;
  std::size_t in = 0;
  std::size_t writes = 0;
  std::size_t reads = 0;
  std::size_t flushes = 0;
  bool operator==(const Asked&) const = default;
  friend std::ostream& operator<<(std::ostream& to, const Asked& asked) {
    return to << asked.control << " control, " << asked.out << " out, " << asked.in << " in, " << asked.writes
              << " writes, " << asked.reads << " reads, " << asked.flushes << " flushes";
  }
};

class CountedDevice final : public lab::EmulatedDevice {
 public:
  CountedDevice(std::shared_ptr<lab::EmulatedDevice> inner, Asked& asked) : inner_{std::move(inner)}, asked_{asked} {}
  const lab::Descriptors& descriptors() const override { return inner_->descriptors(); }
  lab::Reply control(const lab::Setup& setup, std::span<const std::byte> data) override {
    ++asked_.control;
    return followed(inner_->control(setup, data));
  }
  lab::Reply out(std::uint8_t endpoint, std::span<const std::byte> data) override {
    ++asked_.out;
    return followed(inner_->out(endpoint, data));
  }
  lab::Reply in(std::uint8_t endpoint, std::size_t most) override {
    ++asked_.in;
    return followed(inner_->in(endpoint, most));
  }

 private:
  lab::Reply followed(lab::Reply reply) {
    if (inner_->leaves()) leave();
    return reply;
  }
  std::shared_ptr<lab::EmulatedDevice> inner_;
  Asked& asked_;
};

/// Hands the disk out and keeps it for a look afterwards.
class Lent final : public transport::BlockSink {
 public:
  explicit Lent(std::shared_ptr<ScriptedSink> disk) : disk_{std::move(disk)} {}
  const transport::SinkFacts& facts() const override { return disk_->facts(); }
  asio::awaitable<Status> write(ByteOffset at, transport::IoBuffer data) override { return disk_->write(at, data); }
  asio::awaitable<Status> flush() override { return disk_->flush(); }
  asio::awaitable<Status> read(ByteOffset at, transport::IoBuffer into) override { return disk_->read(at, into); }
  asio::awaitable<Status> discard(ByteOffset at, ByteCount n) override { return disk_->discard(at, n); }
  asio::awaitable<Status> zero(ByteOffset at, ByteCount n) override { return disk_->zero(at, n); }

 private:
  std::shared_ptr<ScriptedSink> disk_;
};

class ThirtyTwoBoards : public EngineTest {
 protected:
  struct Board {
    transport::PortPath port;
    Asked asked{};
    std::shared_ptr<ScriptedSink> disk = std::make_shared<ScriptedSink>(ByteCount{capacity});
  };

  void SetUp() override {
    start({.slots = boards_at_once, .patience = std::chrono::minutes{10}});
    host_ = std::make_unique<lab::EmulatedHost>(engine_->executor());
    profile_.title = "Compute Module 4";
    config::Stage rom;
    rom.name = "boot-rom";
    rom.protocol = config::Protocol::rpiboot;
    rom.ids = {{0x0a5c, 0x2711, ""}};
    config::Stage disk;
    disk.name = "storage";
    disk.protocol = config::Protocol::mass_storage;
    profile_.stages = {rom, disk};
    files_.resize(2);
    files_[0].served.put("bootcode4.bin", imaging::pattern(70'000, 1));
    files_[0].served.put("config.txt", imaging::pattern(30, 2));
    files_[0].served.put("boot.img", imaging::pattern(boot_image_size, 3));
    content_ = imaging::pattern(capacity, 5);
    auto plan = table_plan(content_);
    plan.hashes = hash_table(content_, 131072);
    image_ = load(std::move(plan), content_);
  }
  void TearDown() override {
    image_.reset();
    engine_.reset();
    host_.reset();
  }

  static asio::awaitable<RunReport> flash(ThirtyTwoBoards* test, Board* board, std::byte mark) {
    test->plug(*board);
    BringUpOptions options;
    options.rpiboot.before_return_code = std::chrono::milliseconds{0};
    BringUpTools tools{.usb = *test->host_,
                       .open_disk = [board](transport::PortPath) { return lend(board->disk); },
                       .power_cycle = {},
                       .blocking = {},
                       .note = {}};
    auto raised = co_await bring_up(std::move(tools), test->profile_, test->files_, board->port, options);
    RunReport report;
    if (!raised) {
      report.error = raised.error();
      co_return report;
    }
    auto wish = request(test->image_, std::move(raised->sink));
    wish.targets[0].overlay = {{{ByteOffset{1_MiB + 4096}, std::vector<std::byte>(512, mark)}}};
    co_return co_await test->engine_->run(std::move(wish));
  }
  static asio::awaitable<Result<std::unique_ptr<transport::BlockSink>>> lend(std::shared_ptr<ScriptedSink> disk) {
    co_return std::make_unique<Lent>(std::move(disk));
  }
  void plug(Board& board) {
    const auto counted = [&board](std::shared_ptr<lab::EmulatedDevice> device) {
      return [device, &board] { return std::make_shared<CountedDevice>(device, board.asked); };
    };
    std::vector<lab::PiAsk> asks{{.name = "config.txt"}, {.name = "boot.img"}, {.kind = lab::PiAsk::Kind::done}};
    host_->plug(board.port, {counted(std::make_shared<lab::PiBootRom>()),
                             counted(std::make_shared<lab::PiFileServer>(lab::PiBoardPlan{}, std::move(asks))),
                             counted(std::make_shared<lab::MassStorage>(lab::MassStoragePlan{}))});
  }

  /// So many boards at the same moment, each with a mark of its own; all are compared block by block.
  std::vector<Asked> flash_together(unsigned count) {
    std::vector<Board> boards;
    for (unsigned i = 0; i < count; ++i) {
      boards.push_back(
          {{"pci-0000:00:14.0", {static_cast<std::uint8_t>(1 + i / 8), static_cast<std::uint8_t>(1 + i % 8)}, {}}});
    }
    auto runs = await(start_flashing(this, &boards));
    std::vector<Asked> asked;
    for (unsigned i = 0; i < count; ++i) {
      const auto report = runs[i].get();
      EXPECT_EQ(code(report), "none") << "board " << i << ": " << (report.error ? report.error->detail : "");
      auto expected = content_;
      std::fill_n(expected.begin() + 1_MiB + 4096, 512, static_cast<std::byte>(i));
      EXPECT_TRUE(boards[i].disk->memory() == expected) << "board " << i;
      boards[i].asked.writes = boards[i].disk->calls(SinkCall::write);
      boards[i].asked.reads = boards[i].disk->calls(SinkCall::read);
      boards[i].asked.flushes = boards[i].disk->calls(SinkCall::flush);
      asked.push_back(boards[i].asked);
    }
    await(unplug_all(this, &boards));
    return asked;
  }
  static asio::awaitable<std::vector<std::future<RunReport>>> start_flashing(ThirtyTwoBoards* test,
                                                                             std::vector<Board>* boards) {
    std::vector<std::future<RunReport>> runs;
    for (std::size_t i = 0; i < boards->size(); ++i) {
      runs.push_back(asio::co_spawn(test->engine_->executor(), flash(test, &(*boards)[i], static_cast<std::byte>(i)),
                                    asio::use_future));
    }
    co_return runs;
  }
  static asio::awaitable<int> unplug_all(ThirtyTwoBoards* test, std::vector<Board>* boards) {
    for (const Board& board : *boards) test->host_->unplug(board.port);
    co_return 0;
  }

  std::unique_ptr<lab::EmulatedHost> host_;
  config::BoardProfile profile_;
  std::vector<StageFiles> files_;
  std::vector<std::byte> content_;
};

TEST_F(ThirtyTwoBoards, are_asked_no_more_than_one_alone_and_hold_every_block) {
  const Asked alone = flash_together(1).front();
  for (const Asked& each : flash_together(boards_at_once)) EXPECT_EQ(each, alone);
}

}  // namespace
}  // namespace flashline::line::tests
