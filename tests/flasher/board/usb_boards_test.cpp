// A slot on a port takes a board from its boot ROM and writes it through the real writer.

#include "flasher/board/usb_boards.h"

#include "flasher/slot/engine_writer.h"
#include "imaging/core/errors/board.h"
#include "imaging/core/errors/config.h"
#include "tests/flasher/engine/engine_fixture.h"
#include "tests/lab/emulators/boot_images.h"
#include "tests/lab/emulators/emulated_host.h"
#include "tests/lab/emulators/fastboot_board.h"
#include "tests/lab/emulators/faulty_device.h"
#include "tests/lab/emulators/firehose_programmer.h"
#include "tests/lab/emulators/sahara_rom.h"
#include "tests/lab/emulators/sdp_rom.h"

namespace flashline::line::tests {
namespace {

constexpr std::uint64_t capacity = 8_MiB;

class UsbBoardsTest : public EngineTest {
 protected:
  void SetUp() override {
    start();
    station_.boards = {board()};
    config::Slot slot;
    slot.name = "1";
    slot.target.kind = config::Target::Kind::port;
    slot.target.port = "platform-test.0/2.1";
    slot.target.board = "iMX6";
    station_.slots = {slot};
  }
  void TearDown() override {
    image_.reset();
    engine_.reset();
    boards_.reset();
  }

  config::BoardProfile board() const {
    const auto image = lab::ivt_image({});
    std::ofstream{folder_.path() / "u-boot.imx", std::ios::binary}.write(reinterpret_cast<const char*>(image.data()),
                                                                         static_cast<std::streamsize>(image.size()));
    config::BoardProfile made;
    made.name = "iMX6";
    made.title = "i.MX6";
    config::Stage rom;
    rom.name = "boot-rom";
    rom.protocol = config::Protocol::sdp;
    rom.ids = {{0x15a2, 0x0054, ""}};
    rom.files = {
        {.use = config::BoardFile::Use::image, .path = folder_.path() / "u-boot.imx", .digest = {}, .where = "here"}};
    config::Stage u_boot;
    u_boot.name = "u-boot";
    u_boot.protocol = config::Protocol::fastboot;
    u_boot.ids = {{0x0525, 0xa4a5, ""}};
    made.stages = {rom, u_boot};
    made.storage.verify = config::Storage::Verify::crc32;
    made.storage.partition = "all";
    return made;
  }

  Result<std::unique_ptr<UsbBoards>> create() { return create(engine_->blocking()); }
  Result<std::unique_ptr<UsbBoards>> create(asio::any_io_executor blocking) {
    auto host = std::make_unique<lab::EmulatedHost>(engine_->executor());
    host_ = host.get();
    return UsbBoards::create(station_, {.usb = std::move(host), .blocking = std::move(blocking), .open_disk = {}});
  }

  asio::awaitable<int> plug_in(std::shared_ptr<lab::EmulatedDevice> rom, std::shared_ptr<lab::EmulatedDevice> u_boot) {
    host_->plug({"platform-test.0", {2, 1}, {}}, {[rom] { return rom; }, [u_boot] { return u_boot; }});
    co_return 0;
  }

  config::Station station_;
  std::unique_ptr<UsbBoards> boards_;
  lab::EmulatedHost* host_ = nullptr;
};

TEST_F(UsbBoardsTest, a_slot_on_a_port_writes_what_comes_up_there) {
  EXPECT_TRUE(UsbBoards::needed(station_));
  auto created = create();
  ASSERT_TRUE(created) << to_text(created.error());
  boards_ = std::move(*created);
  EngineWriterOptions options;
  options.boards = boards_.get();
  EngineWriter writer{*engine_, std::move(options)};
  EXPECT_FALSE(await(writer.present(station_.slots[0])));
  const auto u_boot =
      std::make_shared<lab::FastbootBoard>(lab::FastbootBoardPlan{.flavour = lab::FastbootBoardPlan::Flavour::u_boot,
                                                                  .partition = "all",
                                                                  .capacity = capacity,
                                                                  .vendor = 0x0525,
                                                                  .product = 0xa4a5});
  await(plug_in(std::make_shared<lab::SdpRomDevice>(lab::imx6q()), u_boot));
  EXPECT_TRUE(await(writer.present(station_.slots[0])));
  const auto content = imaging::pattern(capacity, 3);
  auto plan = table_plan(content);
  plan.hashes = hash_table(content, 131072);
  image_ = load(std::move(plan), content);
  BoardImage image;
  image.content = image_;
  auto opened = await(writer.open(station_.slots[0], image));
  ASSERT_TRUE(opened) << to_text(opened.error());
  auto writing = request(image_, std::move(*opened));
  const auto report = run(std::move(writing));
  ASSERT_EQ(code(report), "none") << report.error->detail;
  EXPECT_TRUE(u_boot->medium().read(0, capacity) == content);
  EXPECT_EQ(report.stores[0].sink.read_back, transport::ReadBack::by_board);
}

TEST_F(UsbBoardsTest, power_is_switched_where_nobody_else_waits_for_it) {
  station_.boards[0].power.cycle = true;
  asio::io_context others;  // busy with other boards: it never comes to this one
  auto created = create(others.get_executor());
  ASSERT_TRUE(created) << to_text(created.error());
  boards_ = std::move(*created);
  const auto broken = std::make_shared<lab::FaultyDevice>(
      std::make_shared<lab::SdpRomDevice>(lab::imx6q()),
      lab::Fault{.kind = lab::Fault::Kind::link_error, .on = lab::Fault::On::control, .after_bytes = 0, .times = 0});
  await(plug_in(broken, nullptr));
  const auto board = await(boards_->raise(station_.slots[0], {}));
  ASSERT_FALSE(board);
  EXPECT_TRUE(broken->struck());
  EXPECT_FALSE(others.poll()) << "something waits for those threads";
}

/// A Qualcomm board whose programmer digests what it was sent.
config::BoardProfile dragonboard(const std::filesystem::path& programmer) {
  config::BoardProfile made;
  made.name = "DragonBoard";
  made.title = "DragonBoard 410c";
  config::Stage rom;
  rom.name = "boot-rom";
  rom.protocol = config::Protocol::sahara;
  rom.ids = {{0x05c6, 0x9008, ""}};
  rom.files = {{.use = config::BoardFile::Use::programmer, .path = programmer, .digest = {}, .where = "here"}};
  config::Stage firehose;
  firehose.name = "programmer";
  firehose.protocol = config::Protocol::firehose;
  made.stages = {rom, firehose};
  made.storage.verify = config::Storage::Verify::digest;
  made.storage.memory = "emmc";
  return made;
}

TEST_F(UsbBoardsTest, what_a_programmer_digests_is_digested_off_the_event_thread) {
  station_.boards = {dragonboard(folder_.file("programmer.mbn", std::string(60'000, 'p')))};
  station_.slots[0].target.board = "DragonBoard";
  asio::io_context hashing;  // runs when the test says so
  auto created = create(hashing.get_executor());
  ASSERT_TRUE(created) << to_text(created.error());
  boards_ = std::move(*created);
  const auto programmer = std::make_shared<lab::FirehoseProgrammer>(lab::FirehosePlan{.sectors = capacity / 512});
  await(plug_in(std::make_shared<lab::SaharaRom>(lab::SaharaRomPlan{}, programmer), nullptr));
  auto board = await(boards_->raise(station_.slots[0], {}));
  ASSERT_TRUE(board) << to_text(board.error());
  const auto content = imaging::pattern(capacity, 3);
  auto plan = table_plan(content);
  plan.hashes = hash_table(content, 131072);
  auto running = start_run(request(load(std::move(plan), content), std::move(*board)));
  std::size_t digested = 0;
  while (running.wait_for(std::chrono::seconds{0}) != std::future_status::ready) {
    hashing.restart();
    digested += hashing.run_one_for(std::chrono::milliseconds{1});
  }
  const auto report = running.get();
  ASSERT_EQ(code(report), "none") << report.error->detail;
  EXPECT_TRUE(programmer->medium().read(0, capacity) == content);
  EXPECT_EQ(report.stores[0].sink.read_back, transport::ReadBack::by_board);
  EXPECT_GT(digested, 0U) << "all runs were digested on the event thread";
}

TEST_F(UsbBoardsTest, a_missing_boot_file_is_said_before_any_board) {
  std::filesystem::remove(folder_.path() / "u-boot.imx");
  const auto created = create();
  ASSERT_FALSE(created);
  EXPECT_EQ(created.error().code, errc::config_board_file);
}

}  // namespace
}  // namespace flashline::line::tests
