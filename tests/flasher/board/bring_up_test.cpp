// Boards from their boot ROM to verified blocks, four at once, each with its own identity. Programs play the boards.

#include "flasher/board/bring_up.h"

#include <algorithm>
#include <gmock/gmock.h>

#include "imaging/core/errors/board.h"
#include "imaging/core/errors/rpiboot.h"
#include "imaging/core/errors/target.h"
#include "imaging/core/errors/usb.h"
#include "tests/flasher/engine/engine_fixture.h"
#include "tests/lab/emulators/emulated_host.h"
#include "tests/lab/emulators/faulty_device.h"
#include "tests/lab/emulators/pi_boot_rom.h"
#include "tests/lab/emulators/whole_board.h"

namespace flashline::line::tests {
namespace {

using config::BoardProfile;
using ::testing::Contains;
using ::testing::HasSubstr;

constexpr std::uint64_t capacity = 8_MiB;

transport::PortPath port(std::uint8_t number) { return {"platform-test.0", {2, number}, {}}; }

/// A way up: the profile, the files it is given, and boards of that kind.
struct Path {
  BoardProfile profile{};
  std::vector<StageFiles> files{};
  /// The stages of a new board; its medium when it is done.
  struct Board {
    std::deque<lab::EmulatedHost::MakeStage> stages{};
    std::function<lab::Bytes()> medium{};
    std::shared_ptr<ScriptedSink> disk{};  ///< where its storage is a disk: the kernel's part is played by a sink
  };
  Board board() const {
    auto whole = lab::whole_board(profile, {.capacity = capacity});
    if (!whole) throw std::runtime_error{to_text(whole.error())};
    Board board{.stages = {}, .medium = std::move(whole->storage), .disk = {}};
    for (auto& each : whole->stages) board.stages.push_back(std::move(each.enter));
    if (profile.stages.back().protocol == config::Protocol::mass_storage) {
      board.disk = std::make_shared<ScriptedSink>(ByteCount{capacity});
      board.medium = [disk = board.disk] { return disk->memory(); };
    }
    return board;
  }
};

lab::EmulatedHost::MakeStage just(std::shared_ptr<lab::EmulatedDevice> device) {
  return [device] { return device; };
}

constexpr auto pi_fastboot = "RaspberryPi-CM4";

class BringUp : public EngineTest {
 protected:
  void SetUp() override {
    start();
    host_ = std::make_unique<lab::EmulatedHost>(engine_->executor());
  }
  void TearDown() override {
    image_.reset();
    disks_.clear();
    engine_.reset();
    host_.reset();
  }

  /// A shipped profile in a hurry, with boot files on the shelf.
  Path way(std::string_view board) {
    Path path;
    auto profile = config::find_board(board, folder_.path() / "boards");
    if (!profile) throw std::runtime_error{to_text(profile.error())};
    path.profile = std::move(*profile);
    for (auto& stage : path.profile.stages) {
      stage.gap = std::chrono::milliseconds{300};
      stage.timeout = std::chrono::seconds{30};
    }
    path.profile.storage.segment = ByteCount{2_MiB};
    EXPECT_TRUE(lab::make_boot_files(path.profile));
    auto files = load_stage_files(path.profile);
    if (!files) throw std::runtime_error{to_text(files.error())};
    path.files = std::move(*files);
    return path;
  }

  BringUpTools tools() {
    return {.usb = *host_,
            .open_disk = [this](transport::PortPath where) { return open_disk(std::move(where)); },
            .power_cycle = {},
            .note = [this](std::string text) { notes_.push_back(std::move(text)); }};
  }
  asio::awaitable<Result<std::unique_ptr<transport::BlockSink>>> open_disk(transport::PortPath where) {
    struct Handed final : transport::BlockSink {
      explicit Handed(std::shared_ptr<ScriptedSink> disk) : disk{std::move(disk)} {}
      const transport::SinkFacts& facts() const override { return disk->facts(); }
      asio::awaitable<Status> write(ByteOffset at, transport::IoBuffer data) override { return disk->write(at, data); }
      asio::awaitable<Status> flush() override { return disk->flush(); }
      asio::awaitable<Status> read(ByteOffset at, transport::IoBuffer into) override { return disk->read(at, into); }
      asio::awaitable<Status> discard(ByteOffset at, ByteCount n) override { return disk->discard(at, n); }
      asio::awaitable<Status> zero(ByteOffset at, ByteCount n) override { return disk->zero(at, n); }
      std::shared_ptr<ScriptedSink> disk;
    };
    co_return std::make_unique<Handed>(disks_.at(where));
  }

  static asio::awaitable<int> plug_in(lab::EmulatedHost* host, transport::PortPath where,
                                      std::deque<lab::EmulatedHost::MakeStage> stages) {
    host->plug(where, std::move(stages));
    co_return 0;
  }
  Path::Board plug(const Path& path, transport::PortPath where) {
    auto board = path.board();
    disks_[where] = board.disk;
    await(plug_in(host_.get(), where, board.stages));
    return board;
  }

  static BringUpOptions quick() {
    BringUpOptions options;
    options.rpiboot.before_return_code = std::chrono::milliseconds{0};
    options.rpiboot.between_requests = std::chrono::milliseconds{0};
    return options;
  }
  std::future<Result<RaisedBoard>> start_raising(const Path& path, transport::PortPath where, BringUpTools with) {
    return asio::co_spawn(engine_->executor(), bring_up(std::move(with), path.profile, path.files, where, quick()),
                          asio::use_future);
  }
  Result<RaisedBoard> raise(const Path& path, transport::PortPath where) {
    return start_raising(path, where, tools()).get();
  }
  static asio::awaitable<int> drop(RaisedBoard board) {
    board.sink.reset();
    co_return 0;
  }

  std::unique_ptr<lab::EmulatedHost> host_;
  std::map<transport::PortPath, std::shared_ptr<ScriptedSink>> disks_;
  std::vector<std::string> notes_;
};

class BringUpPath : public BringUp, public ::testing::WithParamInterface<const char*> {};

TEST_P(BringUpPath, four_boards_at_once_hold_plan_and_identity_block_by_block) {
  const Path path = way(GetParam());
  const auto content = imaging::pattern(capacity, 5);
  auto plan = table_plan(content);
  plan.hashes = hash_table(content, 131072);
  const auto image = load(std::move(plan), content);
  std::vector<Path::Board> boards;
  std::vector<std::future<Result<RaisedBoard>>> raising;
  for (std::uint8_t i = 1; i <= 4; ++i) boards.push_back(plug(path, port(i)));
  for (std::uint8_t i = 1; i <= 4; ++i) raising.push_back(start_raising(path, port(i), tools()));
  std::vector<RunRequest> requests;
  for (auto& each : raising) {
    auto raised = each.get();
    ASSERT_TRUE(raised) << to_text(raised.error());
    requests.push_back(request(image, raised->sink, {.stale = StalePolicy::zero}));
    const auto mark = static_cast<std::byte>(requests.size());
    requests.back().targets[0].overlay = {{{ByteOffset{1_MiB + 4096}, std::vector<std::byte>(512, mark)}}};
  }
  auto runs = start_together(std::move(requests));
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const auto report = runs[i].get();
    ASSERT_EQ(code(report), "none") << report.error->detail;
    auto expected = content;
    std::fill_n(expected.begin() + 1_MiB + 4096, 512, static_cast<std::byte>(i + 1));
    EXPECT_TRUE(boards[i].medium() == expected) << path.profile.name << " board " << i + 1;
  }
}

INSTANTIATE_TEST_SUITE_P(Way, BringUpPath,
                         ::testing::Values(pi_fastboot, "RaspberryPi-CM3", "NXP-iMX6", "NXP-iMX8M-stream",
                                           "DragonBoard-410c"),
                         [](const auto& row) {
                           std::string name{row.param};
                           std::erase(name, '-');
                           return name;
                         });

TEST_F(BringUp, another_board_is_refused_before_a_byte_is_sent) {
  const Path path = way(pi_fastboot);
  const auto rom = std::make_shared<lab::PiBootRom>(lab::PiBoardPlan{.product = 0x2712});
  await(plug_in(host_.get(), port(1), {just(rom)}));
  const auto raised = raise(path, port(1));
  ASSERT_FALSE(raised);
  EXPECT_EQ(raised.error().code, errc::board_other);
  EXPECT_THAT(raised.error().detail, HasSubstr("0a5c:2712"));
  EXPECT_TRUE(rom->code().empty());
  EXPECT_EQ(host_->open_pipes(), 0);
}

TEST_F(BringUp, an_empty_port_says_what_it_waited_for) {
  const auto raised = raise(way(pi_fastboot), port(3));
  ASSERT_FALSE(raised);
  EXPECT_EQ(raised.error().code, errc::board_absent);
  EXPECT_THAT(raised.error().detail, HasSubstr("platform-test.0/2.3 for stage boot-rom"));
}

TEST_F(BringUp, a_board_that_is_further_already_goes_on_from_there) {
  const Path path = way(pi_fastboot);
  auto board = path.board();
  board.stages.erase(board.stages.begin(), board.stages.begin() + 2);
  await(plug_in(host_.get(), port(1), board.stages));
  auto raised = raise(path, port(1));
  ASSERT_TRUE(raised) << to_text(raised.error());
  EXPECT_EQ(raised->board_serial, "10000000deadbeef");
  await(drop(std::move(*raised)));
}

TEST_F(BringUp, a_board_that_falls_back_into_its_rom_twice_is_given_up) {
  const Path path = way(pi_fastboot);
  std::deque<lab::EmulatedHost::MakeStage> stages;
  for (int again = 0; again < 3; ++again) {
    const auto board = path.board();
    stages.insert(stages.end(), board.stages.begin(), board.stages.begin() + 2);  // never its gadget
  }
  await(plug_in(host_.get(), port(1), stages));
  const auto raised = raise(path, port(1));
  ASSERT_FALSE(raised);
  EXPECT_EQ(raised.error().code, errc::board_loop) << raised.error().detail;
}

TEST_F(BringUp, a_board_that_leaves_before_its_disk_came_is_taken_up_from_its_rom) {
  Path path = way("RaspberryPi-CM3");
  for (auto& stage : path.profile.stages) stage.gap = std::chrono::seconds{2};
  const auto board = plug(path, port(1));
  auto with = tools();
  with.open_disk =
      [&, pulled = false](
          transport::PortPath where) mutable -> asio::awaitable<Result<std::unique_ptr<transport::BlockSink>>> {
    const auto there = host_->on(where);
    const bool is_disk = there && there->descriptors().device.at(10) == std::byte{0x04};
    if (is_disk && pulled) co_return co_await open_disk(where);
    if (!std::exchange(pulled, true)) host_->plug(where, board.stages);  // pulled out and put back
    co_return fail(errc::target_port_empty, "no disk");
  };
  auto raised = start_raising(path, port(1), std::move(with)).get();
  ASSERT_TRUE(raised) << to_text(raised.error());
  await(drop(std::move(*raised)));
}

TEST_F(BringUp, a_board_that_was_leaving_is_not_waited_for) {
  Path path = way("RaspberryPi-CM3");
  for (auto& stage : path.profile.stages) stage.gap = std::chrono::seconds{30};
  await(plug_in(host_.get(), port(1), {path.board().stages.back()}));
  auto with = tools();
  with.open_disk = [&](transport::PortPath where) -> asio::awaitable<Result<std::unique_ptr<transport::BlockSink>>> {
    host_->unplug(where);
    co_return fail(errc::target_port_empty, "no disk");
  };
  const auto begin = std::chrono::steady_clock::now();
  const auto raised = start_raising(path, port(1), std::move(with)).get();
  ASSERT_FALSE(raised);
  EXPECT_EQ(raised.error().code, errc::usb_gone);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds{15});
}

TEST_F(BringUp, a_refused_second_stage_is_not_tried_again) {
  Path path = way(pi_fastboot);
  const auto rom = std::make_shared<lab::PiBootRom>(lab::PiBoardPlan{}, [](const auto&, const auto&) { return 7; });
  await(plug_in(host_.get(), port(1), {just(rom)}));
  const auto raised = raise(path, port(1));
  ASSERT_FALSE(raised);
  EXPECT_EQ(raised.error().code, errc::rpi_second_stage_refused);
  EXPECT_THAT(notes_, ::testing::Not(Contains(HasSubstr("reset"))));
}

TEST_F(BringUp, the_ladder_goes_from_reset_to_power_and_ends_there) {
  Path path = way(pi_fastboot);
  path.profile.power.cycle = true;
  const auto stalling = std::make_shared<lab::FaultyDevice>(
      std::make_shared<lab::PiBootRom>(),
      lab::Fault{.kind = lab::Fault::Kind::stall, .on = lab::Fault::On::control, .after_bytes = 0, .times = 0});
  await(plug_in(host_.get(), port(1), {just(stalling)}));
  auto with = tools();
  int cycles = 0;
  with.power_cycle = [&](transport::PortPath, std::chrono::milliseconds) -> asio::awaitable<Status> {
    ++cycles;
    co_return Status{};
  };
  const auto raised = start_raising(path, port(1), std::move(with)).get();
  ASSERT_FALSE(raised);
  EXPECT_EQ(raised.error().code, errc::usb_stall);
  EXPECT_EQ(cycles, 1);
  EXPECT_THAT(notes_, Contains("the port is reset"));
  EXPECT_THAT(notes_, Contains("the port's power goes off and on"));
  EXPECT_EQ(host_->open_pipes(), 0) << "the slot is free again";
}

TEST_F(BringUp, power_brings_back_a_board_that_hung) {
  Path path = way(pi_fastboot);
  path.profile.power.cycle = true;
  const auto hung = std::make_shared<lab::FaultyDevice>(
      std::make_shared<lab::PiBootRom>(),
      lab::Fault{.kind = lab::Fault::Kind::link_error, .on = lab::Fault::On::out, .after_bytes = 30'000, .times = 0});
  await(plug_in(host_.get(), port(1), {just(hung)}));
  auto with = tools();
  with.power_cycle = [&](transport::PortPath where, std::chrono::milliseconds) -> asio::awaitable<Status> {
    host_->unplug(where);
    host_->plug(where, path.board().stages);
    co_return Status{};
  };
  auto raised = start_raising(path, port(1), std::move(with)).get();
  ASSERT_TRUE(raised) << to_text(raised.error());
  await(drop(std::move(*raised)));
}

}  // namespace
}  // namespace flashline::line::tests
