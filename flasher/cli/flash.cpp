// `flash`: one image onto the targets that are named, without a daemon.

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <future>
#include <memory>
#include <set>
#include <spdlog/fmt/fmt.h>
#include <sys/types.h>
#include <unistd.h>

#include "flasher/cli/command.h"
#include "flasher/cli/flash_report.h"
#include "flasher/cli/flash_units.h"
#include "flasher/cli/open_options.h"
#include "flasher/engine/engine.h"
#include "flasher/slot/render_unit.h"
#include "imaging/core/errors/usage.h"
#include "imaging/source/image.h"
#include "transport/block/inspect_target.h"
#include "transport/block/open_sink.h"

namespace flashline::line {
namespace {

namespace fs = std::filesystem;

volatile std::sig_atomic_t interrupted = 0;

/// Ctrl-C and SIGTERM stop the boards between two operations instead of the program anywhere.
class StopSignals {
 public:
  StopSignals() {
    interrupted = 0;
    struct sigaction action{};
    action.sa_handler = [](int) { interrupted = 1; };
    ::sigaction(SIGINT, &action, &old_[0]);
    ::sigaction(SIGTERM, &action, &old_[1]);
  }
  ~StopSignals() {
    ::sigaction(SIGINT, &old_[0], nullptr);
    ::sigaction(SIGTERM, &old_[1], nullptr);
  }
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

 private:
  struct sigaction old_[2]{};
};

/// Where decompressed images are kept between runs.
fs::path cache_folder() {
  if (const char* folder = std::getenv("XDG_CACHE_HOME"); folder != nullptr && *folder == '/')
    return fs::path{folder} / "flashline";
  if (::geteuid() == 0) return "/var/cache/flashline";
  if (const char* home = std::getenv("HOME"); home != nullptr && *home != '\0')
    return fs::path{home} / ".cache/flashline";
  return "/var/tmp/flashline";
}

/// A target by name, for one store of the image.
struct NamedTarget {
  std::string device_path;
  std::string target;
};

struct Board {
  FlashName name;
  std::vector<NamedTarget> targets;
  RunRequest request;
  std::future<RunReport> run;
};

class FlashJob {
 public:
  FlashJob(const Arguments& arguments, Console& console) : arguments_{arguments}, console_{console} {}
  ~FlashJob() {
    if (engine_) release_targets();
  }
  FlashJob(const FlashJob&) = delete;
  FlashJob& operator=(const FlashJob&) = delete;

  Result<int> run() {
    FL_CHECK(read_options());
    FL_CHECK(inspect_all({}));
    FL_CHECK(load());
    FL_TRY(const auto found, inspect_all(needs()));
    FL_CHECK(check_all(found));
    FL_CHECK(open_all(found));
    FL_CHECK(render_all());
    return write_all();
  }

 private:
  using Found = std::vector<std::vector<transport::InspectedTarget>>;

  Status read_options() {
    const auto& words = arguments_.operands();
    image_path_ = words.front();
    FL_TRY(units_, flash_units(arguments_, words.size() - 1));
    for (std::size_t i = 1; i < words.size(); ++i) {
      Board board;
      board.name = {words[i], units_.units[i - 1].serial};
      board.targets.push_back({"", words[i]});
      boards_.push_back(std::move(board));
    }
    FL_CHECK(read_stores());
    return read_write_options();
  }

  Status read_stores() {
    const auto stores = arguments_.values("--store");
    if (!stores.empty() && boards_.size() != 1) {
      return fail(errc::usage, "--store belongs to one board: name one target for the first store besides");
    }
    for (const auto& store : stores) {
      const auto equals = store.rfind('=');
      if (equals == std::string::npos || equals == 0 || equals + 1 == store.size()) {
        return fail(errc::usage, fmt::format("--store {}: not DEVICEPATH=TARGET", store));
      }
      boards_.front().targets.push_back({store.substr(0, equals), store.substr(equals + 1)});
    }
    return {};
  }

  Status read_write_options() {
    if (units_.recipe) {
      const auto& rule = units_.recipe->write;
      if (rule.stale) write_.stale = find_stale_policy(config::to_word(*rule.stale)).value_or(write_.stale);
      write_.verify = rule.verify.value_or(write_.verify);
      write_.fit_gpt = rule.fit_gpt.value_or(write_.fit_gpt);
      write_.probe = rule.probe;
    }
    if (const auto word = arguments_.value("--stale")) {
      const auto policy = find_stale_policy(*word);
      if (!policy) return fail(errc::usage, fmt::format("--stale {}: not zero, discard-verified or keep", *word));
      write_.stale = *policy;
    }
    if (arguments_.has("--no-verify")) write_.verify = false;
    if (arguments_.has("--fit-gpt")) write_.fit_gpt = true;
    FL_TRY(const auto size, arguments_.size("--expect-size"));
    if (size) write_.expect_size = ByteCount{*size};
    return {};
  }

  transport::TargetNeeds needs() const {
    const auto& plan = image_->stores().front().plan;
    transport::TargetNeeds needs;
    needs.at_least = plan.needs.min_size;
    needs.sector_size = plan.needs.sector_size;
    needs.expected_size = write_.expect_size;
    needs.create_size = write_.expect_size.value_or(plan.needs.gpt_size.value_or(plan.needs.min_size));
    return needs;
  }

  /// All targets are looked at before one is opened. Errors: that of the first that is refused; all are reported.
  Result<Found> inspect_all(transport::TargetNeeds needs) {
    needs.source_files.emplace_back(image_path_);
    for (const auto option : {"--units", "--recipe", "--bmap"}) {
      if (const auto path = arguments_.value(option)) needs.source_files.emplace_back(*path);
    }
    const bool early = image_ == nullptr;
    std::vector<Error> refused;
    std::set<fs::path> seen;
    Found found(boards_.size());
    for (std::size_t i = 0; i < boards_.size(); ++i) {
      for (const auto& named : boards_[i].targets) {
        // Until the image is known a missing file may be one that is to be created.
        if (early && !fs::exists(named.target)) continue;
        auto target = transport::inspect_target(named.target, needs);
        if (!target) {
          refused.push_back(std::move(target).error());
        } else if (!seen.insert(target->real_path).second) {
          refused.push_back({errc::usage, fmt::format("{} is named twice", named.target)});
        } else {
          found[i].push_back(std::move(*target));
        }
      }
    }
    if (refused.empty()) return found;
    for (std::size_t i = 0; i + 1 < refused.size(); ++i) console_.report(refused[i]);
    return std::unexpected{refused.back()};
  }

  template <class T>
  T await(asio::awaitable<T> work) {
    return asio::co_spawn(engine_->executor(), std::move(work), asio::use_future).get();
  }

  Status load() {
    FL_TRY(const auto options, open_options_of(arguments_));
    FL_TRY(auto opened, imaging::open_image(image_path_, options));
    for (const auto& warning : opened.facts.warnings) console_.warn(warning);
    EngineOptions how;
    how.slots = static_cast<unsigned>(boards_.size());
    how.spool_folder = cache_folder();
    FL_TRY(engine_, Engine::create(std::move(how)));
    FL_TRY(image_, await(engine_->load(std::move(opened), image_path_)));
    return {};
  }

  /// Before the first is opened, since opening one that is missing creates it.
  Status check_all(const Found& found) const {
    for (std::size_t i = 0; i < boards_.size(); ++i) {
      std::vector<StoreFacts> targets;
      for (std::size_t store = 0; store < found[i].size(); ++store) {
        targets.push_back({boards_[i].targets[store].device_path,
                           {.path = found[i][store].given,
                            .capacity = found[i][store].size,
                            .sector_size = found[i][store].sector_size,
                            .medium = {}}});
      }
      FL_CHECK(check_board(*image_, targets, write_));
    }
    return {};
  }

  Status open_all(const Found& found) {
    for (std::size_t i = 0; i < boards_.size(); ++i) {
      auto& request = boards_[i].request;
      request.image = image_;
      request.options = write_;
      request.control = std::make_shared<RunControl>();
      for (std::size_t store = 0; store < found[i].size(); ++store) {
        FL_TRY(auto sink, await(transport::open_sink(engine_->ring(), found[i][store])));
        request.targets.push_back({boards_[i].targets[store].device_path, std::move(sink), {}});
      }
      FL_CHECK(check_request(request));
    }
    return {};
  }

  Status render_all() {
    if (!units_.recipe || units_.recipe->overlay.empty()) return {};
    const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    for (std::size_t i = 0; i < boards_.size(); ++i) {
      auto& target = boards_[i].request.targets.front();
      FL_TRY(target.overlay,
             render_unit(*image_, target.sink->facts().capacity, *units_.recipe, units_.units[i].fields, now));
    }
    return {};
  }

  Result<int> write_all() {
    const StopSignals signals;
    std::vector<FlashProgress::Board> shown;
    for (auto& board : boards_) {
      shown.push_back({board.name, &board.request.control->progress});
      board.run = asio::co_spawn(engine_->executor(), engine_->run(board.request), asio::use_future);
    }
    std::size_t failed = 0;
    FlashProgress progress{console_, std::move(shown)};
    for (auto& board : boards_) {
      while (board.run.wait_for(std::chrono::milliseconds{50}) != std::future_status::ready) {
        if (interrupted != 0) cancel_all();
        progress.update();
      }
      const auto report = board.run.get();
      report_board(console_, board.name, report);
      if (report.error) ++failed;
    }
    console_.say(fmt::format("{} passed, {} failed", boards_.size() - failed, failed));
    console_.record(fmt::format(R"({{"type":"summary","passed":{},"failed":{}}})", boards_.size() - failed, failed));
    return failed == 0 ? 0 : 1;
  }

  void cancel_all() {
    for (auto& board : boards_) board.request.control->cancel();
  }

  /// Sinks are destroyed on the event thread, as they were made.
  void release_targets() { await(close(&boards_)); }
  static asio::awaitable<bool> close(std::vector<Board>* boards) {
    for (auto& board : *boards) board.request.targets.clear();
    co_return true;
  }

  const Arguments& arguments_;
  Console& console_;
  std::string image_path_;
  FlashUnits units_;
  WriteOptions write_;
  std::unique_ptr<Engine> engine_;
  std::shared_ptr<LoadedImage> image_;
  std::vector<Board> boards_;
};

Result<int> run(const Arguments& arguments, Console& console) {
  FlashJob job{arguments, console};
  return job.run();
}

}  // namespace

Command flash_command() {
  return {
      .name = "flash",
      .operands = "IMAGE TARGET...",
      .min_operands = 2,
      .max_operands = 65,
      .summary = "Writes an image to block devices or files and reads them back, without a daemon",
      .options = joined({{"--units", "FILE", "unit list (CSV): its first unit goes to the first target"},
                         {"--recipe", "FILE", "recipe.xml: the files that each unit gets, how to write"},
                         {"--no-verify", "", "do not read back"},
                         {"--expect-size", "BYTES", "refuse targets of any other size"},
                         {"--fit-gpt", "", "move the backup GPT to the end of a larger target"},
                         {"--stale", "POLICY", "old bytes in holes: zero, discard-verified or keep"},
                         {"--store", "DEVICEPATH=TARGET", "target of a further store of the image", true}},
                        open_option_table()),
      .examples =
          {"flashline flash panel.ffu /dev/disk/by-path/pci-0000:00:14.0-usb-0:1:1.0-scsi-0:0:0:0 --trust line-ca.pem",
           "flashline flash disk.img.xz board-1.img board-2.img --allow-unsigned --recipe recipe.xml --units "
           "units.csv"},
      .run = run};
}

}  // namespace flashline::line
