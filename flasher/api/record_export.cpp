#include "flasher/api/record_export.h"

#include <charconv>
#include <string_view>

#include "flasher/record/export.h"
#include "imaging/core/errors/device.h"

namespace flashline::line {
namespace {

constexpr std::size_t piece_bytes = 256 * 1024;

/// Number of the record in an export line. "seq" is the last member of the canonical text.
std::uint64_t number_of(std::string_view line) {
  constexpr std::string_view key = "\"seq\":";
  const std::size_t at = line.rfind(key);
  std::uint64_t number = 0;
  if (at != std::string_view::npos) std::from_chars(line.data() + at + key.size(), line.data() + line.size(), number);
  return number;
}

}  // namespace

Result<std::string> RecordLines::next() {
  std::string lines;
  const auto add = [&](std::string_view line) -> Status {
    // errc::cancelled only ends the loop: the rest comes with the next call.
    if (lines.size() >= piece_bytes) return fail(errc::cancelled, "enough");
    lines += line;
    last_ = number_of(line);
    return {};
  };
  const Status done = export_log(snapshot_->reader, batch_, last_, add);
  if (!done && done.error().code != errc::cancelled) return std::unexpected{done.error()};
  return lines;
}

}  // namespace flashline::line
