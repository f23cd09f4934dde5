// Boards from their boot ROM to verified blocks, four at once, each with its own identity. Programs play the boards.

#include "flasher/board/bring_up.h"

#include <algorithm>
#include <gmock/gmock.h>

#include "imaging/core/errors/board.h"
#include "imaging/core/errors/rpiboot.h"
#include "imaging/core/errors/usb.h"
#include "tests/flasher/engine/engine_fixture.h"
#include "tests/lab/emulators/boot_images.h"
#include "tests/lab/emulators/emulated_host.h"
#include "tests/lab/emulators/fastboot_board.h"
#include "tests/lab/emulators/faulty_device.h"
#include "tests/lab/emulators/firehose_programmer.h"
#include "tests/lab/emulators/pi_boot_rom.h"
#include "tests/lab/emulators/pi_file_server.h"
#include "tests/lab/emulators/sahara_rom.h"
#include "tests/lab/emulators/sdp_rom.h"

namespace flashline::line::tests {
namespace {

using config::BoardProfile;
using config::Protocol;
using config::Stage;
using ::testing::Contains;
using ::testing::HasSubstr;

constexpr std::uint64_t capacity = 8_MiB;

transport::PortPath port(std::uint8_t number) { return {"platform-test.0", {2, number}, {}}; }

std::vector<std::byte> bytes(std::size_t size, std::uint32_t seed) { return lab::pattern(size, seed); }

config::Storage storage(config::Storage::Verify verify, std::string partition) {
  config::Storage made;
  made.verify = verify;
  made.partition = std::move(partition);
  made.segment = ByteCount{2_MiB};
  made.memory = "emmc";
  return made;
}

Stage stage(std::string name, Protocol protocol, std::vector<config::UsbId> ids) {
  Stage made;
  made.name = std::move(name);
  made.protocol = protocol;
  made.ids = std::move(ids);
  made.gap = std::chrono::milliseconds{300};
  made.timeout = std::chrono::seconds{30};
  return made;
}

/// A way up: the profile, the files it is given, and boards of that kind.
struct Path {
  std::string name{};
  BoardProfile profile{};
  std::vector<StageFiles> files{};
  /// The stages of a new board; its medium when it is done.
  struct Board {
    std::deque<lab::EmulatedHost::MakeStage> stages{};
    std::function<lab::Bytes()> medium{};
    std::shared_ptr<ScriptedSink> disk{};  ///< where its storage is a disk
  };
  std::function<Board()> board{};
};

lab::EmulatedHost::MakeStage just(std::shared_ptr<lab::EmulatedDevice> device) {
  return [device] { return device; };
}

StageFiles pi_files() {
  StageFiles files;
  files.served.put("bootcode4.bin", bytes(70'000, 1));
  files.served.put("config.txt", bytes(30, 2));
  files.served.put("boot.img", bytes(300'000, 3));
  return files;
}

std::deque<lab::EmulatedHost::MakeStage> pi_stages() {
  return {
      just(std::make_shared<lab::PiBootRom>()),
      just(std::make_shared<lab::PiFileServer>(
          lab::PiBoardPlan{},
          std::vector<lab::PiAsk>{{.name = "config.txt"}, {.name = "boot.img"}, {.kind = lab::PiAsk::Kind::done}}))};
}

Path pi_fastboot() {
  Path path{.name = "rpiboot_to_fastboot"};
  path.profile.title = "Compute Module 4";
  path.profile.stages = {stage("boot-rom", Protocol::rpiboot, {{0x0a5c, 0x2711, ""}}),
                         stage("gadget", Protocol::fastboot, {{0x18d1, 0x4e40, "Raspberry Pi"}})};
  path.profile.storage = storage(config::Storage::Verify::map, "mmcblk0");
  path.files = {pi_files(), {}};
  path.board = [] {
    Path::Board board{.stages = pi_stages()};
    const auto gadget = std::make_shared<lab::FastbootBoard>(lab::FastbootBoardPlan{.capacity = capacity});
    board.stages.push_back(just(gadget));
    board.medium = [gadget] { return gadget->medium().read(0, capacity); };
    return board;
  };
  return path;
}

/// The gadget that shows its storage as a disk; the kernel's part is played by a sink.
class DiskStage final : public lab::EmulatedDevice {
 public:
  DiskStage()
      : descriptors_{lab::describe(
            {.vendor = 0x0a5c,
             .product = 0x0104,
             .interfaces = {{.class_code = 8, .subclass = 6, .protocol = 0x50, .endpoints = {{0x81}, {0x01}}}}})} {}
  const lab::Descriptors& descriptors() const override { return descriptors_; }
  lab::Reply control(const lab::Setup&, std::span<const std::byte>) override { return lab::Reply::refuse(); }
  lab::Reply out(std::uint8_t, std::span<const std::byte>) override { return lab::Reply::refuse(); }
  lab::Reply in(std::uint8_t, std::size_t) override { return lab::Reply::refuse(); }

 private:
  lab::Descriptors descriptors_;
};

Path pi_storage() {
  Path path{.name = "rpiboot_to_storage"};
  path.profile.title = "Compute Module 4";
  path.profile.stages = {stage("boot-rom", Protocol::rpiboot, {{0x0a5c, 0x2711, ""}}),
                         stage("disk", Protocol::mass_storage, {})};
  path.files = {pi_files(), {}};
  path.board = [] {
    Path::Board board{.stages = pi_stages(), .medium = {}, .disk = std::make_shared<ScriptedSink>(ByteCount{capacity})};
    board.stages.push_back(just(std::make_shared<DiskStage>()));
    board.medium = [disk = board.disk] { return disk->memory(); };
    return board;
  };
  return path;
}

Path sdp_fastboot() {
  Path path{.name = "sdp_to_fastboot"};
  path.profile.title = "i.MX6";
  path.profile.stages = {stage("boot-rom", Protocol::sdp, {{0x15a2, 0x0054, ""}}),
                         stage("u-boot", Protocol::fastboot, {{0x0525, 0xa4a5, ""}})};
  path.profile.storage = storage(config::Storage::Verify::crc32, "all");
  path.files.resize(2);
  path.files[0].image = std::make_shared<const std::vector<std::byte>>(lab::ivt_image({}));
  path.board = [] {
    Path::Board board{.stages = {just(std::make_shared<lab::SdpRomDevice>(lab::imx6q()))}};
    const auto u_boot =
        std::make_shared<lab::FastbootBoard>(lab::FastbootBoardPlan{.flavour = lab::FastbootBoardPlan::Flavour::u_boot,
                                                                    .partition = "all",
                                                                    .capacity = capacity,
                                                                    .vendor = 0x0525,
                                                                    .product = 0xa4a5});
    board.stages.push_back(just(u_boot));
    board.medium = [u_boot] { return u_boot->medium().read(0, capacity); };
    return board;
  };
  return path;
}

Path sahara_firehose() {
  Path path{.name = "sahara_to_firehose"};
  path.profile.title = "DragonBoard 410c";
  path.profile.stages = {stage("boot-rom", Protocol::sahara, {{0x05c6, 0x9008, ""}}),
                         stage("programmer", Protocol::firehose, {})};
  path.profile.storage = storage(config::Storage::Verify::read_back, "");
  path.files.resize(2);
  path.files[0].image = std::make_shared<const std::vector<std::byte>>(bytes(60'000, 9));
  path.board = [] {
    const auto programmer = std::make_shared<lab::FirehoseProgrammer>(lab::FirehosePlan{.sectors = capacity / 512});
    Path::Board board{.stages = {just(std::make_shared<lab::SaharaRom>(lab::SaharaRomPlan{}, programmer))}};
    board.medium = [programmer] { return programmer->medium().read(0, capacity); };
    return board;
  };
  return path;
}

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

class BringUpPath : public BringUp, public ::testing::WithParamInterface<Path (*)()> {};

TEST_P(BringUpPath, four_boards_at_once_hold_plan_and_identity_block_by_block) {
  const Path path = GetParam()();
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
    EXPECT_TRUE(boards[i].medium() == expected) << path.name << " board " << i + 1;
  }
}

INSTANTIATE_TEST_SUITE_P(Way, BringUpPath,
                         ::testing::Values(&pi_fastboot, &pi_storage, &sdp_fastboot, &sahara_firehose),
                         [](const auto& row) { return row.param().name; });

TEST_F(BringUp, another_board_is_refused_before_a_byte_is_sent) {
  const Path path = pi_fastboot();
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
  const auto raised = raise(pi_fastboot(), port(3));
  ASSERT_FALSE(raised);
  EXPECT_EQ(raised.error().code, errc::board_absent);
  EXPECT_THAT(raised.error().detail, HasSubstr("platform-test.0/2.3 for stage boot-rom"));
}

TEST_F(BringUp, a_board_that_is_further_already_goes_on_from_there) {
  const Path path = pi_fastboot();
  auto board = path.board();
  board.stages.erase(board.stages.begin(), board.stages.begin() + 2);
  await(plug_in(host_.get(), port(1), board.stages));
  auto raised = raise(path, port(1));
  ASSERT_TRUE(raised) << to_text(raised.error());
  EXPECT_EQ(raised->board_serial, "10000000deadbeef");
  await(drop(std::move(*raised)));
}

TEST_F(BringUp, a_board_that_falls_back_into_its_rom_twice_is_given_up) {
  const Path path = pi_fastboot();
  auto stages = pi_stages();
  for (int again = 0; again < 2; ++again) {
    for (auto& each : pi_stages()) stages.push_back(each);
  }
  await(plug_in(host_.get(), port(1), stages));
  const auto raised = raise(path, port(1));
  ASSERT_FALSE(raised);
  EXPECT_EQ(raised.error().code, errc::board_loop) << raised.error().detail;
}

TEST_F(BringUp, a_refused_second_stage_is_not_tried_again) {
  Path path = pi_fastboot();
  const auto rom = std::make_shared<lab::PiBootRom>(lab::PiBoardPlan{}, [](const auto&, const auto&) { return 7; });
  await(plug_in(host_.get(), port(1), {just(rom)}));
  const auto raised = raise(path, port(1));
  ASSERT_FALSE(raised);
  EXPECT_EQ(raised.error().code, errc::rpi_second_stage_refused);
  EXPECT_THAT(notes_, ::testing::Not(Contains(HasSubstr("reset"))));
}

TEST_F(BringUp, the_ladder_goes_from_reset_to_power_and_ends_there) {
  Path path = pi_fastboot();
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
  Path path = pi_fastboot();
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
