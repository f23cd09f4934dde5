#include "flasher/cli/flash_report.h"

#include <boost/json.hpp>
#include <spdlog/fmt/fmt.h>

#include "flasher/cli/progress.h"
#include "imaging/core/digest.h"

namespace flashline::line {
namespace {

namespace json = boost::json;

constexpr std::chrono::milliseconds draw_every{200};
constexpr std::chrono::milliseconds record_every{500};
constexpr unsigned columns = 79;

struct Share {
  std::uint64_t done;
  std::uint64_t total;
};

Share share_of(const RunProgress& progress) {
  const auto total = progress.prepare_total + progress.write_total + progress.verify_total;
  return {std::min<std::uint64_t>(progress.prepared + progress.written + progress.verified, total), total};
}

std::string title_of(const FlashName& name) {
  return name.serial.empty() ? name.target : name.target + " " + name.serial;
}

/// The end of a long path tells more than its beginning.
std::string shortened(std::string text, std::size_t most) {
  if (text.size() > most) text = "…" + text.substr(text.size() - most + 1);
  return text;
}

json::array ranges_json(const LbaList& list) {
  json::array ranges;
  for (const auto& range : list.ranges) ranges.push_back({{"first", range.first}, {"count", range.count}});
  return ranges;
}

json::value error_json(const std::optional<Error>& error) {
  if (!error) return nullptr;
  return {{"code", code_of(error->code)}, {"text", error->detail}, {"advice", advice_of(error->code)}};
}

json::array steps_json(const RunReport& report) {
  json::array steps;
  for (const auto& [step, took] : report.steps) {
    steps.push_back({{"step", name_of(step)}, {"seconds", std::chrono::duration<double>{took}.count()}});
  }
  return steps;
}

json::array stores_json(const RunReport& report) {
  json::array stores;
  for (const auto& store : report.stores) {
    stores.push_back({{"device_path", store.device_path},
                      {"target", store.sink.path},
                      {"capacity", store.sink.capacity.value},
                      {"medium", store.sink.medium},
                      {"gpt_fitted", store.gpt_fitted},
                      {"bytes_written", store.written.value},
                      {"bytes_zeroed", store.zeroed.value},
                      {"bytes_discarded", store.discarded.value},
                      {"bytes_verified", store.verified.value},
                      {"rewritten_lbas", ranges_json(store.rewritten)},
                      {"bad_lbas", ranges_json(store.bad)}});
  }
  return stores;
}

double seconds_of(const RunReport& report) {
  std::chrono::nanoseconds sum{};
  for (const auto& step : report.steps) sum += step.took;
  return std::chrono::duration<double>{sum}.count();
}

std::string passed_line(const RunReport& report) {
  std::uint64_t rewritten = 0;
  for (const auto& store : report.stores) rewritten += store.rewritten.sectors;
  return fmt::format("{} written{}{} in {:.1f} s", size_text(report.written()),
                     report.verify ? ", " + size_text(report.verified()) + " verified" : "",
                     rewritten == 0 ? "" : fmt::format(", {} sectors written twice", rewritten), seconds_of(report));
}

}  // namespace

FlashProgress::FlashProgress(Console& console, std::vector<Board> boards)
    : console_{console}, boards_{std::move(boards)}, started_{Clock::now()} {}

void FlashProgress::update() {
  const auto now = Clock::now();
  if (console_.draws() && !console_.json() && now >= drawn_ + draw_every) {
    drawn_ = now;
    draw(now);
  }
  if (console_.json() && now >= recorded_ + record_every) {
    recorded_ = now;
    record();
  }
}

void FlashProgress::draw(Clock::time_point now) {
  const double seconds = std::chrono::duration<double>{now - started_}.count();
  std::vector<std::string> lines;
  for (const auto& board : boards_) {
    const auto [done, total] = share_of(*board.progress);
    const auto what = fmt::format("{} {}", shortened(title_of(board.name), 24), name_of(board.progress->step.load()));
    lines.push_back(progress_line(what, ByteCount{done}, ByteCount{total}, seconds, columns));
  }
  console_.draw_lines(lines);
}

void FlashProgress::record() {
  for (const auto& board : boards_) {
    const auto [done, total] = share_of(*board.progress);
    console_.record(json::serialize(json::object{{"type", "progress"},
                                                 {"target", board.name.target},
                                                 {"serial", board.name.serial},
                                                 {"step", name_of(board.progress->step.load())},
                                                 {"done_bytes", done},
                                                 {"total_bytes", total}}));
  }
}

void report_board(Console& console, const FlashName& name, const RunReport& report) {
  if (report.error) {
    console.say(fmt::format("FAILED  {}: {}", title_of(name), to_text(*report.error)));
  } else {
    console.say(fmt::format("passed  {}: {}", title_of(name), passed_line(report)));
  }
  console.record(json::serialize(
      json::object{{"type", "result"},
                   {"target", name.target},
                   {"serial", name.serial},
                   {"passed", !report.error},
                   {"error", error_json(report.error)},
                   {"reached", name_of(report.reached)},
                   {"stale", name_of(report.stale)},
                   {"verified", report.verify && !report.error},
                   {"bytes_written", report.written().value},
                   {"bytes_verified", report.verified().value},
                   {"seconds", seconds_of(report)},
                   {"steps", steps_json(report)},
                   {"image_digest", report.image_digest ? json::value(to_hex(*report.image_digest)) : json::value{}},
                   {"stores", stores_json(report)}}));
}

}  // namespace flashline::line
