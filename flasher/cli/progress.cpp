#include "flasher/cli/progress.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cmath>
#include <optional>
#include <spdlog/fmt/fmt.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace flashline::line {
namespace {

constexpr std::chrono::milliseconds between_drawings{100};
constexpr std::chrono::milliseconds between_records{500};

struct Pace {
  double rate = 0;                ///< bytes per second
  std::optional<double> seconds;  ///< left
};

Pace pace_of(ByteCount done, ByteCount total, double seconds) {
  Pace pace;
  if (seconds > 0) pace.rate = static_cast<double>(done.value) / seconds;
  if (total.value >= done.value && total.value != 0 && pace.rate > 0) {
    pace.seconds = static_cast<double>(total.value - done.value) / pace.rate;
  }
  return pace;
}

unsigned terminal_columns() {
  winsize size{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

std::string clock_text(double seconds) {
  const auto whole = static_cast<std::uint64_t>(std::ceil(std::min(seconds, 359999.0)));
  if (whole >= 3600) return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
  return fmt::format("{}:{:02}", whole / 60, whole % 60);
}

std::string bar(double share, std::size_t width) {
  const auto full = static_cast<std::size_t>(share * static_cast<double>(width));
  return "[" + std::string(full, '#') + std::string(width - full, '.') + "]";
}

std::string record_of(std::string_view what, ByteCount done, ByteCount total, const Pace& pace) {
  boost::json::object record{{"type", "progress"}, {"what", what}, {"done_bytes", done.value}};
  record["total_bytes"] = total.value != 0 ? boost::json::value(total.value) : boost::json::value(nullptr);
  record["rate_bytes_per_s"] = static_cast<std::uint64_t>(pace.rate);
  record["seconds_left"] = pace.seconds ? boost::json::value(static_cast<std::uint64_t>(std::ceil(*pace.seconds)))
                                        : boost::json::value(nullptr);
  return boost::json::serialize(record);
}

}  // namespace

std::string size_text(ByteCount size) {
  constexpr std::array units{"B", "KiB", "MiB", "GiB", "TiB"};
  auto value = static_cast<double>(size.value);
  std::size_t unit = 0;
  while (value >= 1024 && unit + 1 < units.size()) {
    value /= 1024;
    ++unit;
  }
  if (unit == 0) return fmt::format("{} B", size.value);
  return fmt::format("{:.1f} {}", value, units[unit]);
}

std::string progress_line(std::string_view what, ByteCount done, ByteCount total, double seconds, unsigned columns) {
  const Pace pace = pace_of(done, total, seconds);
  const std::string rate = fmt::format("{:.0f} MB/s", pace.rate / 1e6);
  if (total.value == 0) return fmt::format("{}  {}  {}", what, size_text(done), rate).substr(0, columns - 1);
  const double share = std::min(1.0, static_cast<double>(done.value) / static_cast<double>(total.value));
  const std::string left = pace.seconds ? clock_text(*pace.seconds) + " left" : "";
  const std::string facts =
      fmt::format("{:3.0f}%  {} of {}  {}  {}", std::floor(share * 100), size_text(done), size_text(total), rate, left);
  const std::size_t taken = what.size() + facts.size() + 7;
  const std::size_t width = columns > taken + 10 ? std::min<std::size_t>(columns - taken, 30) : 0;
  const std::string line =
      width != 0 ? fmt::format("{}  {}  {}", what, bar(share, width), facts) : fmt::format("{}  {}", what, facts);
  return line.substr(0, columns - 1);
}

void Progress::update(ByteCount done, ByteCount total) {
  const bool drawing = console_.draws();
  if (!drawing && !console_.json()) return;
  const auto now = Clock::now();
  const bool complete = total.value != 0 && done.value >= total.value;
  // --json on a terminal: records on standard output, no bar that would tear them apart.
  const auto pause = console_.json() ? between_records : between_drawings;
  if (now - shown_ < pause && !complete) return;
  shown_ = now;
  const double seconds = std::chrono::duration<double>(now - started_).count();
  if (console_.json()) {
    console_.record(record_of(what_, done, total, pace_of(done, total, seconds)));
  } else {
    console_.draw(progress_line(what_, done, total, seconds, terminal_columns()));
  }
}

}  // namespace flashline::line
