// A slot on a port takes a board from its boot ROM and writes it through the real writer.

#include "flasher/board/usb_boards.h"

#include "flasher/slot/engine_writer.h"
#include "imaging/core/errors/board.h"
#include "imaging/core/errors/config.h"
#include "tests/flasher/engine/engine_fixture.h"
#include "tests/lab/emulators/boot_images.h"
#include "tests/lab/emulators/emulated_host.h"
#include "tests/lab/emulators/fastboot_board.h"
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

  Result<std::unique_ptr<UsbBoards>> create() {
    auto host = std::make_unique<lab::EmulatedHost>(engine_->executor());
    host_ = host.get();
    return UsbBoards::create(station_, {.usb = std::move(host), .blocking = engine_->blocking(), .open_disk = {}});
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

TEST_F(UsbBoardsTest, a_missing_boot_file_is_said_before_any_board) {
  std::filesystem::remove(folder_.path() / "u-boot.imx");
  const auto created = create();
  ASSERT_FALSE(created);
  EXPECT_EQ(created.error().code, errc::config_board_file);
}

}  // namespace
}  // namespace flashline::line::tests
