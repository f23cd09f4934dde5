// Forty boards come within a moment and half of them flap, in front of what the daemon is made of: its watcher of
// ports, its boards, its slots and its records. Programs play the boards; folders play /sys.

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <map>
#include <random>
#include <set>
#include <spdlog/fmt/fmt.h>
#include <thread>

#include "flasher/board/usb_boards.h"
#include "flasher/record/record_thread.h"
#include "flasher/slot/engine_writer.h"
#include "flasher/slot/line.h"
#include "flasher/slot/station_ports.h"
#include "imaging/core/errors/unit.h"
#include "tests/fakes/fake_usb_tree.h"
#include "tests/flasher/engine/engine_fixture.h"
#include "tests/lab/emulators/boot_images.h"
#include "tests/lab/emulators/emulated_host.h"
#include "tests/lab/emulators/fastboot_board.h"
#include "tests/lab/emulators/sdp_rom.h"

namespace flashline::line::tests {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t capacity = 1_MiB;
constexpr unsigned boards_in_storm = 40;
/// A twentieth of the five seconds that a person with forty boards takes.
constexpr auto storm_length = 250ms;

transport::PortPath port_of(unsigned number) {
  return {"pci-0000:00:14.0", {1, static_cast<std::uint8_t>(number)}, {}};
}

/// A plug on its way in or out.
struct Move {
  std::chrono::milliseconds at;
  unsigned port;
  bool in;
  auto operator<=>(const Move&) const = default;
};

/// Odd ports are plugged in once, even ones go out and come back a few times; all of them are in at the end.
std::vector<Move> storm(unsigned seed) {
  std::mt19937 dice{seed};
  const auto within = [&](std::chrono::milliseconds from, std::chrono::milliseconds to) {
    return std::chrono::milliseconds{std::uniform_int_distribution<std::int64_t>{from.count(), to.count()}(dice)};
  };
  std::vector<Move> moves;
  for (unsigned port = 1; port <= boards_in_storm; ++port) {
    auto at = within(0ms, storm_length);
    moves.push_back({at, port, true});
    const int flaps = port % 2 == 0 ? std::uniform_int_distribution{1, 4}(dice) : 0;
    for (int flap = 0; flap < flaps; ++flap) {
      moves.push_back({at += within(1ms, 60ms), port, false});
      moves.push_back({at += within(1ms, 30ms), port, true});
    }
  }
  std::ranges::sort(moves);
  return moves;
}

struct Case {
  const char* name;
  unsigned seed;
  std::chrono::milliseconds sweep;  ///< how late the watcher of ports is
};

/// A board: what it holds outlives its being unplugged.
struct Board {
  std::shared_ptr<lab::FastbootBoard> u_boot;
  std::size_t starts() const {
    return static_cast<std::size_t>(std::ranges::count(u_boot->commands(), "getvar:max-download-size"));
  }
};

class HotplugStorm : public EngineTest, public ::testing::WithParamInterface<Case> {
 protected:
  void SetUp() override {
    start({.slots = boards_in_storm});
    pc_.hub("1-1");
    station_.name = "line-1";
    station_.mode = config::Mode::test;
    station_.stale = config::StalePolicy::keep;
    station_.paths = {folder_ / "state", folder_ / "cache", folder_ / "logs", folder_ / "images"};
    for (const auto& each : {station_.paths.state, station_.paths.logs, station_.paths.images}) {
      std::filesystem::create_directories(each);
    }
    station_.boards = {profile()};
    for (unsigned n = 1; n <= boards_in_storm; ++n) {
      config::Slot slot;
      slot.name = std::to_string(n);
      slot.target.kind = config::Target::Kind::port;
      slot.target.port = to_text(port_of(n));
      slot.target.board = "iMX6";
      station_.slots.push_back(slot);
    }
    content_ = imaging::pattern(capacity, 11);
    std::ofstream{station_.paths.images / "panel.img", std::ios::binary}.write(
        reinterpret_cast<const char*>(content_.data()), static_cast<std::streamsize>(content_.size()));
    open_station();
  }
  void TearDown() override {
    await(stop_line());
    line_.reset();
    writer_.reset();
    records_->finish();
    await(end());
    engine_.reset();
  }

  config::BoardProfile profile() const {
    const auto image = lab::ivt_image({});
    std::ofstream{folder_ / "u-boot.imx", std::ios::binary}.write(reinterpret_cast<const char*>(image.data()),
                                                                  static_cast<std::streamsize>(image.size()));
    config::BoardProfile made;
    made.name = "iMX6";
    made.title = "i.MX6";
    config::Stage rom;
    rom.name = "boot-rom";
    rom.protocol = config::Protocol::sdp;
    rom.ids = {{0x15a2, 0x0054, ""}};
    rom.files = {{.use = config::BoardFile::Use::image, .path = folder_ / "u-boot.imx", .digest = {}, .where = "here"}};
    config::Stage u_boot;
    u_boot.name = "u-boot";
    u_boot.protocol = config::Protocol::fastboot;
    u_boot.ids = {{0x0525, 0xa4a5, ""}};
    made.stages = {rom, u_boot};
    made.storage.verify = config::Storage::Verify::crc32;
    made.storage.partition = "all";
    return made;
  }

  void open_station() {
    records_ = std::move(*RecordThread::open({.folder = station_.paths.state, .on_record = {}, .at_step = {}}));
    auto host = std::make_unique<lab::EmulatedHost>(engine_->executor());
    host_ = host.get();
    auto boards = UsbBoards::create(
        station_, {.usb = std::move(host), .blocking = engine_->blocking(), .open_disk = {}, .machine = pc_.machine()});
    ASSERT_TRUE(boards) << to_text(boards.error());
    boards_ = std::move(*boards);
    transport::PortWatcherOptions watching;
    watching.machine = pc_.machine();
    watching.events = false;
    watching.sweep = GetParam().sweep;
    ports_ = std::make_unique<StationPorts>(station_, engine_->executor(), engine_->blocking(), watching);
    EngineWriterOptions writing;
    writing.trust.allow_unsigned = true;
    writing.ports = ports_.get();
    writing.boards = boards_.get();
    writing.machine = pc_.machine();
    writer_ = std::make_unique<EngineWriter>(*engine_, std::move(writing));
    LineOptions options;
    options.station = station_;
    line_ = std::make_unique<Line>(std::move(options), *writer_, *records_);
    ASSERT_TRUE(await(begin()));
  }

  // What follows runs on the line's thread.
  asio::awaitable<Status> begin() {
    mirror_ = host_->listen([this](const transport::UsbEvent& event) { show_in_tree(event); });
    auto started = co_await line_->start();
    follow_ports(*line_, *ports_, boards_.get(), {});
    WorkOrder order;
    order.name = "panels";
    order.operator_name = "Ada";
    order.image = "panel.img";
    auto created = co_await line_->create_batch(order);
    if (!created) co_return std::unexpected{created.error()};
    co_return started;
  }
  asio::awaitable<int> end() {
    ports_->stop();
    mirror_.reset();
    boards_.reset();
    ports_.reset();
    co_return 0;
  }
  asio::awaitable<int> stop_line() {
    if (!std::exchange(stopped_, true)) co_await line_->stop();
    co_return 0;
  }

  /// What is on the emulated host's ports is what /sys shows.
  void show_in_tree(const transport::UsbEvent& event) {
    const std::string name = "1-1." + std::to_string(event.port.chain.back());
    if (shown_.erase(name) != 0) pc_.unplug(name);
    if (!event.device) return;
    pc_.plug(name, {.vendor = fmt::format("{:04x}", event.device->vendor),
                    .product = fmt::format("{:04x}", event.device->product)});
    shown_.insert(name);
  }

  asio::awaitable<int> play(std::vector<Move> moves) {
    const auto begun = std::chrono::steady_clock::now();
    asio::steady_timer timer{engine_->executor()};
    for (const Move& move : moves) {
      timer.expires_at(begun + move.at);
      co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
      if (move.in) {
        put_in(move.port);
      } else {
        host_->unplug(port_of(move.port));
      }
    }
    co_return 0;
  }
  void put_in(unsigned number) {
    auto& board = boards_on_.try_emplace(number, Board{}).first->second;
    if (!board.u_boot)
      board.u_boot = std::make_shared<lab::FastbootBoard>(plan_of(number));
    else
      board.u_boot->reset();
    host_->plug(port_of(number), {[] { return std::make_shared<lab::SdpRomDevice>(lab::imx6q()); },
                                  [u_boot = board.u_boot] { return u_boot; }});
  }
  static lab::FastbootBoardPlan plan_of(unsigned number) {
    return {.flavour = lab::FastbootBoardPlan::Flavour::u_boot,
            .partition = "all",
            .capacity = capacity,
            .serial = fmt::format("board-{}", number),
            .vendor = 0x0525,
            .product = 0xa4a5};
  }

  /// A board that was done before it flapped once more is known again, and not taken.
  static bool is_done(const SlotView& slot) {
    const bool flaps = std::stoi(slot.name) % 2 == 0;
    return slot.state == "passed" || (flaps && slot.error && slot.error->code == errc::board_finished);
  }
  asio::awaitable<std::vector<std::string>> not_done() {
    std::vector<std::string> others;
    for (const auto& slot : line_->slots()) {
      if (is_done(slot)) continue;
      others.push_back(fmt::format("slot {} {} {}", slot.name, slot.state, slot.error ? to_text(*slot.error) : ""));
    }
    co_return others;
  }

  asio::awaitable<std::string> state_of(std::string slot) { co_return line_->slot(slot)->state; }
  asio::awaitable<std::size_t> count_ports() { co_return ports_->views().size(); }
  template <class Condition>
  static bool comes_true(Condition condition) {
    const auto deadline = std::chrono::steady_clock::now() + 30s;
    while (!condition()) {
      if (std::chrono::steady_clock::now() >= deadline) return false;
      std::this_thread::sleep_for(5ms);
    }
    return true;
  }

  fakes::FakeUsbPc pc_;
  config::Station station_;
  std::vector<std::byte> content_;
  std::unique_ptr<RecordThread> records_;
  lab::EmulatedHost* host_ = nullptr;
  std::unique_ptr<UsbBoards> boards_;
  std::unique_ptr<StationPorts> ports_;
  std::unique_ptr<EngineWriter> writer_;
  std::unique_ptr<Line> line_;
  std::shared_ptr<void> mirror_;
  std::set<std::string> shown_;
  std::map<unsigned, Board> boards_on_;
  bool stopped_ = false;
};

class QuickBoard : public HotplugStorm {};

TEST_P(QuickBoard, is_not_started_again_when_the_watcher_sees_its_stages_afterwards) {
  await(play({{0ms, 1, true}}));
  ASSERT_TRUE(comes_true([this] { return await(state_of("1")) == "passed"; }));
  pc_.plug("1-2");
  ASSERT_TRUE(comes_true([this] { return await(count_ports()) == 2; }));
  EXPECT_EQ(await(state_of("1")), "passed");
  await(stop_line());
  EXPECT_EQ(boards_on_.at(1).starts(), 1U);
}

INSTANTIATE_TEST_SUITE_P(Watcher, QuickBoard, ::testing::Values(Case{"lags", 0, 400ms}),
                         [](const auto& row) { return row.param.name; });

TEST_P(HotplugStorm, loses_no_board_and_starts_none_twice) {
  await(play(storm(GetParam().seed)));
  std::vector<std::string> left;
  EXPECT_TRUE(comes_true([&] { return (left = await(not_done())).empty(); }))
      << left.size() << " boards were lost, the first: " << left.front();
  // What the watcher still had to tell is told once it has seen something newer.
  pc_.plug("1-2");
  ASSERT_TRUE(comes_true([this] { return await(count_ports()) > boards_in_storm; }));
  left = await(not_done());
  EXPECT_TRUE(left.empty()) << left.size() << " boards were started twice, the first: " << left.front();
  await(stop_line());
  std::map<std::string, int> passed;
  for (const auto& unit : *await(records_->run([](Store& store) { return store.read().units(); }))) {
    if (unit.state == UnitState::committed) ++passed[unit.slot];
  }
  EXPECT_EQ(passed.size(), boards_in_storm);
  for (const auto& [slot, times] : passed) EXPECT_EQ(times, 1) << "slot " << slot;
  for (auto& [number, board] : boards_on_) {
    EXPECT_TRUE(board.u_boot->medium().read(0, capacity) == content_) << "board " << number;
    if (number % 2 != 0) {
      EXPECT_EQ(board.starts(), 1U) << "board " << number;
    }
  }
  EXPECT_EQ(host_->open_pipes(), 0);
}

INSTANTIATE_TEST_SUITE_P(Storm, HotplugStorm,
                         ::testing::Values(Case{"one", 1, 10ms}, Case{"two", 2, 10ms},
                                           Case{"with_a_watcher_that_lags", 3, 400ms}),
                         [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace flashline::line::tests
