// flash_many IMAGE TARGET... [--no-verify] [--stale zero|discard-verified|keep] [--spool DIR] [--cache-mib N]
// [--threads] The engine by itself, as the benches measure it: one image onto many targets at once. One JSON line a
// target when it is done, then one with the engine's counters. Unsigned images are taken.

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/json.hpp>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <future>
#include <string>
#include <string_view>
#include <vector>

#include "flasher/engine/engine.h"
#include "imaging/source/image.h"
#include "transport/block/open_sink.h"

namespace {

using namespace flashline;
using namespace flashline::line;
using Clock = std::chrono::steady_clock;

struct Settings {
  std::string image;
  std::vector<std::string> targets;
  WriteOptions write;
  EngineOptions engine;
};

/// False when the words make no sense.
bool read_settings(int argc, char** argv, Settings& settings) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    const bool more = i + 1 < argc;
    if (word == "--no-verify") {
      settings.write.verify = false;
    } else if (word == "--threads") {
      settings.engine.force_threads = true;
    } else if (word == "--stale" && more) {
      const auto policy = find_stale_policy(argv[++i]);
      if (!policy) return false;
      settings.write.stale = *policy;
    } else if (word == "--spool" && more) {
      settings.engine.spool_folder = argv[++i];
    } else if (word == "--cache-mib" && more) {
      std::uint64_t mib = 0;
      const char* const text = argv[++i];
      if (std::from_chars(text, text + std::strlen(text), mib).ec != std::errc{}) return false;
      settings.engine.cache = ByteCount{mib * 1_MiB};
    } else if (word.starts_with("--")) {
      return false;
    } else if (settings.image.empty()) {
      settings.image = word;
    } else {
      settings.targets.emplace_back(word);
    }
  }
  settings.engine.slots = static_cast<unsigned>(settings.targets.size());
  return !settings.targets.empty();
}

void say(const boost::json::object& line) {
  std::puts(boost::json::serialize(line).c_str());
  std::fflush(stdout);
}

double seconds(std::chrono::nanoseconds took) { return std::chrono::duration<double>(took).count(); }

boost::json::object line_of(const std::string& target, const RunReport& report, Clock::duration took) {
  boost::json::object steps;
  for (const StepTime& step : report.steps) steps[name_of(step.step)] = seconds(step.took);
  boost::json::object line{{"target", target},
                           {"ok", !report.error},
                           {"seconds", seconds(took)},
                           {"written", report.written().value},
                           {"verified", report.verified().value},
                           {"steps", steps}};
  if (report.error) line["error"] = to_text(*report.error);
  return line;
}

/// Opens, writes and closes one target. All arguments outlive it.
asio::awaitable<bool> flash(Engine& engine, const Settings& settings, std::shared_ptr<LoadedImage> image,
                            const std::string& target, Clock::time_point start) {
  RunReport report;
  auto sink = co_await transport::open_target(engine.ring(), target, {});
  if (sink) {
    RunRequest request{.image = std::move(image), .targets = {}, .options = settings.write, .control = nullptr};
    request.targets.push_back({.device_path = "", .sink = std::move(*sink), .overlay = {}});
    report = co_await engine.run(std::move(request));
  } else {
    report.error = sink.error();
  }
  say(line_of(target, report, Clock::now() - start));
  co_return !report.error.has_value();
}

void say_metrics(const EngineMetrics& metrics, Clock::time_point start) {
  say({{"seconds", seconds(Clock::now() - start)},
       {"bytes_read", metrics.bytes_read},
       {"bytes_hashed", metrics.bytes_hashed},
       {"loads", metrics.loads},
       {"hits", metrics.hits},
       {"detached", metrics.detached},
       {"buffers", metrics.buffers},
       {"buffers_held", metrics.buffers_held}});
}

Status flash_all(const Settings& settings, bool& all_passed) {
  const auto start = Clock::now();
  imaging::OpenOptions options;
  options.trust.allow_unsigned = true;
  FL_TRY(auto opened, imaging::open_image(settings.image, options));
  FL_TRY(const auto engine, Engine::create(settings.engine));
  FL_TRY(const auto image,
         asio::co_spawn(engine->executor(), engine->load(std::move(opened), settings.image), asio::use_future).get());
  std::vector<std::future<bool>> boards;
  for (const std::string& target : settings.targets) {
    boards.push_back(
        asio::co_spawn(engine->executor(), flash(*engine, settings, image, target, start), asio::use_future));
  }
  for (auto& board : boards) all_passed &= board.get();
  say_metrics(engine->metrics(), start);
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  Settings settings;
  if (!read_settings(argc, argv, settings)) {
    std::fputs("flash_many: see its first lines\n", stderr);
    return 2;
  }
  bool all_passed = true;
  if (const Status done = flash_all(settings, all_passed); !done) {
    std::fprintf(stderr, "%s\n", to_text(done.error()).c_str());
    return 3;
  }
  return all_passed ? 0 : 1;
}
