// flash_boards IMAGE BOARDS RATE: bare Raspberry Pis that programs play, from their boot ROM to storage that takes RATE
// bytes a second, all plugged in at once; what each holds is compared with IMAGE at the end. The second that a ROM
// looks at its second stage is the board's own and left out. One JSON line a board, then one with the engine's
// counters.

#include <algorithm>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/json.hpp>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <future>
#include <iterator>
#include <string>
#include <vector>

#include "flasher/board/bring_up.h"
#include "flasher/engine/engine.h"
#include "imaging/core/errors/device.h"
#include "imaging/source/image.h"
#include "tests/lab/emulators/emulated_host.h"
#include "tests/lab/emulators/mass_storage.h"
#include "tests/lab/emulators/pi_boot_rom.h"
#include "tests/lab/emulators/pi_file_server.h"
#include "transport/block/virtual_board.h"

namespace {

using namespace flashline;
using namespace flashline::line;
using Clock = std::chrono::steady_clock;

struct Settings {
  std::string image;
  unsigned boards = 0;
  std::uint64_t rate = 0;
};

template <class T>
bool read_number(const char* text, T& into) {
  const char* const end = text + std::strlen(text);
  const auto [stop, error] = std::from_chars(text, end, into);
  return error == std::errc{} && stop == end && into != 0;
}

/// A medium in memory, as fast as memory is.
class MemoryMedium final : public transport::BlockSink {
 public:
  explicit MemoryMedium(std::vector<std::byte>& bytes) : bytes_{bytes} {
    facts_.capacity = ByteCount{bytes.size()};
    facts_.path = "memory";
  }
  const transport::SinkFacts& facts() const override { return facts_; }
  asio::awaitable<Status> write(ByteOffset at, transport::IoBuffer data) override {
    std::ranges::copy(data.bytes, bytes_.begin() + static_cast<std::ptrdiff_t>(at.value));
    co_return Status{};
  }
  asio::awaitable<Status> flush() override { co_return Status{}; }
  asio::awaitable<Status> read(ByteOffset at, transport::IoBuffer into) override {
    std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(at.value), into.bytes.size(), into.bytes.begin());
    co_return Status{};
  }
  asio::awaitable<Status> discard(ByteOffset, ByteCount) override { co_return Status{}; }
  asio::awaitable<Status> zero(ByteOffset at, ByteCount length) override {
    std::fill_n(bytes_.begin() + static_cast<std::ptrdiff_t>(at.value), length.value, std::byte{0});
    co_return Status{};
  }

 private:
  std::vector<std::byte>& bytes_;
  transport::SinkFacts facts_;
};

struct Board {
  transport::PortPath port;
  std::vector<std::byte> medium;
};

config::BoardProfile compute_module() {
  config::BoardProfile profile;
  profile.title = "Compute Module 4";
  config::Stage rom;
  rom.name = "boot-rom";
  rom.protocol = config::Protocol::rpiboot;
  rom.ids = {{0x0a5c, 0x2711, ""}};
  config::Stage disk;
  disk.name = "storage";
  disk.protocol = config::Protocol::mass_storage;
  profile.stages = {std::move(rom), std::move(disk)};
  return profile;
}

std::vector<StageFiles> boot_files() {
  std::vector<StageFiles> files(2);
  files[0].served.put("bootcode4.bin", std::vector<std::byte>(100'000, std::byte{1}));
  files[0].served.put("config.txt", std::vector<std::byte>(50, std::byte{2}));
  files[0].served.put("boot.img", std::vector<std::byte>(4'000'000, std::byte{3}));
  return files;
}

std::deque<lab::EmulatedHost::MakeStage> stages() {
  return {[] { return std::make_shared<lab::PiBootRom>(); },
          [] {
            return std::make_shared<lab::PiFileServer>(
                lab::PiBoardPlan{}, std::vector<lab::PiAsk>{{.name = "config.txt", .raw = {}},
                                                            {.name = "boot.img", .raw = {}},
                                                            {.kind = lab::PiAsk::Kind::done, .name = {}, .raw = {}}});
          },
          [] { return std::make_shared<lab::MassStorage>(lab::MassStoragePlan{}); }};
}

struct Line {
  Settings settings;
  config::BoardProfile profile = compute_module();
  std::vector<StageFiles> files = boot_files();
  std::vector<Board> boards;
  std::vector<std::byte> content;
  std::unique_ptr<Engine> engine;
  std::unique_ptr<lab::EmulatedHost> host;
  std::shared_ptr<LoadedImage> image;
};

double seconds(std::chrono::nanoseconds took) { return std::chrono::duration<double>(took).count(); }

void say(const boost::json::object& line) {
  std::puts(boost::json::serialize(line).c_str());
  std::fflush(stdout);
}

asio::awaitable<Result<std::unique_ptr<transport::BlockSink>>> open_disk(Line& line, Board& board) {
  co_return std::make_unique<transport::VirtualBoard>(
      line.engine->executor(), std::make_unique<MemoryMedium>(board.medium),
      transport::BoardTraits{.write_rate = line.settings.rate, .read_rate = line.settings.rate});
}

/// From the moment that it is plugged in.
asio::awaitable<bool> flash(Line& line, Board& board) {
  const auto start = Clock::now();
  line.host->plug(board.port, stages());
  BringUpOptions options;
  options.rpiboot.before_return_code = std::chrono::milliseconds{0};
  BringUpTools tools{.usb = *line.host, .open_disk = [&](transport::PortPath) { return open_disk(line, board); }};
  auto raised = co_await bring_up(std::move(tools), line.profile, line.files, board.port, options);
  const auto up = Clock::now();
  RunReport report;
  if (raised) {
    RunRequest request{.image = line.image, .targets = {}, .options = {}, .control = nullptr};
    request.targets.push_back({.device_path = "", .sink = std::move(raised->sink), .overlay = {}});
    report = co_await line.engine->run(std::move(request));
  } else {
    report.error = raised.error();
  }
  if (!report.error && board.medium != line.content)
    report.error = Error{errc::verify_mismatch, "other blocks than sent"};
  say({{"target", to_text(board.port)},
       {"ok", !report.error},
       {"error", report.error ? report.error->detail : ""},
       {"bring_up", seconds(up - start)},
       {"seconds", seconds(Clock::now() - start)}});
  co_return !report.error.has_value();
}

asio::awaitable<int> let_go(Line& line) {
  line.host.reset();
  co_return 0;
}

Result<bool> flash_all(Line& line) {
  std::ifstream in{line.settings.image, std::ios::binary};
  const std::string text{std::istreambuf_iterator<char>{in}, {}};
  const auto bytes = std::as_bytes(std::span{text});
  line.content.assign(bytes.begin(), bytes.end());
  imaging::OpenOptions how;
  how.trust.allow_unsigned = true;
  FL_TRY(auto opened, imaging::open_image(line.settings.image, how));
  FL_TRY(line.engine, Engine::create({.slots = line.settings.boards}));
  line.host = std::make_unique<lab::EmulatedHost>(line.engine->executor());
  const auto executor = line.engine->executor();
  FL_TRY(line.image,
         asio::co_spawn(executor, line.engine->load(std::move(opened), line.settings.image), asio::use_future).get());
  for (unsigned i = 0; i < line.settings.boards; ++i) {
    const auto hub = static_cast<std::uint8_t>(1 + i / 8);
    line.boards.push_back({{"pci-0000:00:14.0", {hub, static_cast<std::uint8_t>(1 + i % 8)}, {}},
                           std::vector<std::byte>(line.content.size())});
  }
  std::vector<std::future<bool>> running;
  for (Board& board : line.boards) running.push_back(asio::co_spawn(executor, flash(line, board), asio::use_future));
  bool passed = true;
  for (auto& each : running) passed &= each.get();
  const auto metrics = line.engine->metrics();
  say({{"bytes_read", metrics.bytes_read}, {"detached", metrics.detached}});
  asio::co_spawn(executor, let_go(line), asio::use_future).get();
  return passed;
}

}  // namespace

int main(int argc, char** argv) {
  Line line;
  if (argc != 4 || !read_number(argv[2], line.settings.boards) || !read_number(argv[3], line.settings.rate)) {
    std::fputs("flash_boards: see its first lines\n", stderr);
    return 2;
  }
  line.settings.image = argv[1];
  const auto passed = flash_all(line);
  if (!passed) std::fprintf(stderr, "%s\n", to_text(passed.error()).c_str());
  return !passed ? 3 : *passed ? 0 : 1;
}
