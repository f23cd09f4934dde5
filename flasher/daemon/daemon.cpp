#include "flasher/daemon/daemon.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_future.hpp>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include "flasher/api/blocking.h"
#include "flasher/api/event_hub.h"
#include "flasher/api/http_server.h"
#include "flasher/api/image_shelf.h"
#include "flasher/api/station_api.h"
#include "flasher/api/station_events.h"
#include "flasher/board/usb_boards.h"
#include "flasher/daemon/journal.h"
#include "flasher/daemon/service_manager.h"
#include "flasher/engine/engine.h"
#include "flasher/record/record_thread.h"
#include "flasher/slot/engine_writer.h"
#include "flasher/slot/line.h"
#include "flasher/slot/station_ports.h"
#include "flasher/version.h"
#include "imaging/core/errors/station.h"
#include "imaging/core/errors/usage.h"
#include "transport/block/open_sink.h"
#include "transport/usb/libusb_host.h"

namespace flashline::line {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr auto longest_stop = 20s;

/// Folders of the station belong to its group at most; what lies in them tells who made which board.
Status make_folders(const config::Paths& paths) {
  for (const fs::path& folder : {paths.state, paths.cache, paths.logs, paths.images}) {
    std::error_code error;
    const bool made = fs::create_directories(folder, error);
    if (!error && made) fs::permissions(folder, fs::perms{0750}, error);
    if (!error && !fs::is_directory(folder, error)) error = std::make_error_code(std::errc::not_a_directory);
    if (error) return fail(errc::station_folder, fmt::format("{}: {}", folder.string(), error.message()));
  }
  return {};
}

/// Scripts read it, so it is complete or not there.
Status write_address(const fs::path& file, const std::string& text) {
  const fs::path draft = file.string() + ".new";
  std::ofstream{draft} << text << '\n';
  std::error_code error;
  fs::rename(draft, file, error);
  if (error) return fail(errc::station_folder, fmt::format("{}: {}", file.string(), error.message()));
  return {};
}

/// The parts of a running station in the order in which they stand on each other.
class StationProcess {
 public:
  StationProcess(config::Station station, const fs::path& config, imaging::TrustPolicy trust,
                 transport::Machine machine)
      : station_{std::move(station)},
        folder_{config.parent_path()},
        trust_{std::move(trust)},
        machine_{std::move(machine)},
        learning_{config, machine_} {}
  /// Jobs of the record thread resume coroutines of the engine's thread: they end before the engine does.
  ~StationProcess() {
    server_.reset();
    api_.reset();
    shelf_.reset();
    if (ports_) on_line(end_ports());
    line_.reset();
    writer_.reset();
    if (records_) records_->finish();
  }
  StationProcess(const StationProcess&) = delete;
  StationProcess& operator=(const StationProcess&) = delete;

  Status run() {
    FL_CHECK(open());
    FL_CHECK(start_line());
    const Status listening = listen();
    if (listening) context_.run();
    // The line was parked by the signal; where listening failed it still has to be.
    if (!listening) on_line(line_->stop());
    on_line(end_ports());
    server_.reset();
    pool_.join();
    line_.reset();
    return listening;
  }

 private:
  Status open() {
    FL_CHECK(make_folders(station_.paths));
    FL_TRY(records_, RecordThread::open({.folder = station_.paths.state, .on_record = {}, .at_step = {}}));
    EngineOptions options;
    options.slots = static_cast<unsigned>(station_.slots.size());
    options.spool_folder = station_.paths.cache;
    FL_TRY(engine_, Engine::create(std::move(options)));
    EngineWriterOptions writing;
    writing.trust = trust_;
    transport::PortWatcherOptions watching;
    watching.machine = machine_;
    ports_ = std::make_unique<StationPorts>(station_, engine_->executor(), engine_->blocking(), std::move(watching));
    writing.ports = ports_.get();
    FL_CHECK(find_boards());
    writing.boards = boards_.get();
    writing.machine = machine_;
    writing.station_folders = {station_.paths.state, station_.paths.cache, station_.paths.logs};
    writer_ = std::make_unique<EngineWriter>(*engine_, std::move(writing));
    return {};
  }

  Status start_line() {
    LineOptions options;
    options.station = station_;
    options.version = version();
    line_ = std::make_unique<Line>(std::move(options), *writer_, *records_);
    return on_line(begin_line());
  }

  asio::awaitable<Status> begin_line() {
    line_->observe([this](const LineEvent& event) { publish(hub_, event); });
    auto started = co_await line_->start();
    if (started) begin_ports();
    co_return started;
  }

  void begin_ports() {
    follow_ports(*line_, *ports_, boards_.get(), [this](const std::vector<PortView>& ports) { publish(hub_, ports); });
    if (!ports_->hears_events()) spdlog::warn("udev is not heard: boards are noticed by looking once a second");
  }

  /// Boards with stages before their storage need more of USB than their disks.
  Status find_boards() {
    if (!UsbBoards::needed(station_)) return {};
    transport::LibusbOptions options;
    options.machine = machine_;
    FL_TRY(auto usb, transport::make_libusb_host(engine_->executor(), std::move(options)));
    auto open_disk = [this](transport::PortPath port, transport::TargetNeeds needs) {
      return transport::open_port(engine_->ring(), std::move(port), std::move(needs), machine_);
    };
    FL_TRY(boards_, UsbBoards::create(station_, {.usb = std::move(usb),
                                                 .blocking = engine_->blocking(),
                                                 .open_disk = std::move(open_disk),
                                                 .machine = machine_}));
    return {};
  }

  /// Nobody listens to it any more, and its last look is over by the time that the engine ends.
  asio::awaitable<void> end_ports() {
    ports_->stop();
    boards_.reset();  // its callbacks come on this thread
    co_return;
  }

  /// From the main thread, while nothing else needs it.
  template <class T>
  T on_line(asio::awaitable<T> work) {
    return asio::co_spawn(engine_->executor(), std::move(work), asio::use_future).get();
  }

  Status listen() {
    shelf_ = std::make_unique<ImageShelf>(station_, trust_, [] { return std::time(nullptr); });
    api_ = std::make_unique<StationApi>(StationParts{
        .station = station_,
        .line = *line_,
        .ports = *ports_,
        .line_executor = engine_->executor(),
        .records = *records_,
        .shelf = *shelf_,
        .hub = hub_,
        .learning = learning_,
        .folder = folder_,
        .pool = pool_.get_executor(),
        .started_at = to_iso8601(std::chrono::system_clock::now()),
    });
    HttpServerHooks hooks{
        .handle = [this](HttpRequest request) { return api_->handle(std::move(request)); },
        .events_path = std::string{api_root} + "/events",
        .snapshot = [this](EventHub::Listener& listener) { return api_->snapshot(listener); },
    };
    HttpServerOptions options;
    options.port = station_.listen.port;
    options.socket = station_.listen.socket;
    FL_TRY(server_, HttpServer::create(context_.get_executor(), options, std::move(hooks), hub_));
    FL_CHECK(announce());
    asio::co_spawn(context_, wait_for_signal(), asio::detached);
    if (const auto interval = watchdog_interval()) asio::co_spawn(context_, feed_watchdog(*interval), asio::detached);
    return {};
  }

  Status announce() {
    const std::string tcp = fmt::format("http://127.0.0.1:{}", server_->port());
    FL_CHECK(write_address(address_file(), tcp));
    spdlog::info("station {} ({} mode, {} slots) at {} and unix:{}", station_.name, to_word(station_.mode),
                 station_.slots.size(), tcp, station_.listen.socket.string());
    fmt::print("flashlined: listening on {} and unix:{}\n", tcp, station_.listen.socket.string());
    std::fflush(stdout);
    notify_service_manager("READY=1");
    return {};
  }

  fs::path address_file() const { return station_.paths.state / "address"; }

  asio::awaitable<void> wait_for_signal() {
    const auto [error, number] = co_await signals_.async_wait(asio::as_tuple(asio::use_awaitable));
    if (error) co_return;
    spdlog::info("signal {}: the slots are parked", number);
    notify_service_manager("STOPPING=1");
    give_up_.expires_after(longest_stop);
    give_up_.async_wait([](boost::system::error_code cancelled) {
      if (cancelled) return;
      spdlog::critical("a slot did not stop in time; its attempt is found and marked interrupted at the next start");
      std::_Exit(EXIT_FAILURE);
    });
    api_->refuse_changes();
    co_await asio::co_spawn(engine_->executor(), line_->stop(), asio::use_awaitable);
    give_up_.cancel();
    watchdog_.cancel();
    std::error_code ignored;
    fs::remove(address_file(), ignored);
    server_->stop();
    spdlog::info("stopped");
  }

  /// Says "alive" only when the line's own thread answered.
  asio::awaitable<void> feed_watchdog(std::chrono::microseconds interval) {
    while (true) {
      co_await run_on(engine_->executor(), [] { return true; });
      notify_service_manager("WATCHDOG=1");
      watchdog_.expires_after(interval);
      const auto [cancelled] = co_await watchdog_.async_wait(asio::as_tuple(asio::use_awaitable));
      if (cancelled) co_return;
    }
  }

  config::Station station_;
  fs::path folder_;
  imaging::TrustPolicy trust_;
  transport::Machine machine_;
  LearnDesk learning_;
  asio::io_context context_{1};
  asio::signal_set signals_{context_, SIGTERM, SIGINT, SIGHUP};
  asio::steady_timer give_up_{context_};
  asio::steady_timer watchdog_{context_};
  asio::thread_pool pool_{2};
  EventHub hub_{context_.get_executor()};
  std::unique_ptr<RecordThread> records_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<StationPorts> ports_;
  std::unique_ptr<UsbBoards> boards_;
  std::unique_ptr<EngineWriter> writer_;
  std::unique_ptr<Line> line_;
  std::unique_ptr<ImageShelf> shelf_;
  std::unique_ptr<StationApi> api_;
  std::unique_ptr<HttpServer> server_;
};

Result<imaging::TrustPolicy> check_station(config::Station& station) {
  FL_CHECK(config::load_boards(station));
  for (const std::string& warning : station.warnings) spdlog::warn("{}", warning);
  return load_trust(station);
}

Status check_config(const fs::path& config) {
  FL_TRY(config::Station station, config::load_station(config));
  FL_CHECK(check_station(station));
  fmt::print("{}: station {}, {} mode, {} slots: valid\n", config.string(), station.name, to_word(station.mode),
             station.slots.size());
  return {};
}

constexpr std::string_view help_text =
    R"(flashlined --config station.xml [--check]

The station: flashes boards in its slots, keeps the records, serves page and API on 127.0.0.1 and a Unix socket.

  --config FILE  the station's configuration; relative paths in it are taken from its folder
  --check        only check the configuration
  --machine DIR  look for USB ports in DIR/sys, dev, run and proc instead of this machine's (test stations only)
  --version      print the version
  --help         print this

Exit codes: 0 stopped by a signal, 2 usage, 3 records damaged, 6 configuration not valid, 7 cannot listen.
)";

int report(const Error& error) {
  fmt::print(stderr, "{}\n", to_text(error));
  return exit_code_of(error.code);
}

/// Folders in the place of this machine's ports are for trying a station out.
Result<transport::Machine> machine_at(const fs::path& folder, const config::Station& station) {
  if (folder.empty()) return transport::Machine{};
  if (station.mode == config::Mode::test) return transport::machine_in(folder);
  return fail(errc::usage, "flashlined: --machine is for stations with mode=\"test\"");
}

}  // namespace

Status run_station(const fs::path& config, const fs::path& machine_folder) {
  FL_TRY(config::Station station, config::load_station(config));
  FL_TRY(transport::Machine machine, machine_at(machine_folder, station));
  FL_TRY(imaging::TrustPolicy trust, check_station(station));
  StationProcess process{std::move(station), fs::absolute(config), std::move(trust), std::move(machine)};
  return process.run();
}

int run_daemon_command(const std::vector<std::string>& words) {
  fs::path config;
  fs::path machine;
  bool check = false;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word == "--help" || word == "-h") {
      fmt::print("{}", help_text);
      return 0;
    }
    if (word == "--version") {
      fmt::print("flashlined {}\n", version());
      return 0;
    }
    if (word == "--check") {
      check = true;
    } else if (word == "--config" && i + 1 < words.size()) {
      config = words[++i];
    } else if (word == "--machine" && i + 1 < words.size()) {
      machine = words[++i];
    } else if (word.starts_with("--config=")) {
      config = word.substr(9);
    } else {
      return report({errc::usage, fmt::format("flashlined: '{}' is not understood", word)});
    }
  }
  if (config.empty()) return report({errc::usage, "flashlined: --config is missing"});
  ::umask(0027);
  std::signal(SIGPIPE, SIG_IGN);
  open_journal();
  const Status done = check ? check_config(config) : run_station(config, machine);
  return done ? 0 : report(done.error());
}

}  // namespace flashline::line
