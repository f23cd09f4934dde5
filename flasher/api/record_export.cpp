#include "flasher/api/record_export.h"

#include <array>
#include <spdlog/fmt/fmt.h>
#include <spdlog/fmt/ranges.h>

namespace flashline::line {
namespace {

constexpr std::size_t piece_bytes = 256 * 1024;

/// RFC 4180; text that a spreadsheet would take for a formula is defused by a leading apostrophe.
std::string csv_field(std::string text) {
  if (!text.empty() && std::string_view{"=+-@"}.find(text[0]) != std::string_view::npos) text.insert(0, "'");
  if (text.find_first_of("\",\r\n") == std::string::npos) return text;
  for (std::size_t at = text.find('"'); at != std::string::npos; at = text.find('"', at + 2)) text.insert(at, "\"");
  return '"' + text + '"';
}

std::string csv_row(const UnitRow& unit, const AttemptRow& last) {
  const std::array fields{unit.serial,
                          std::to_string(unit.batch),
                          std::to_string(unit.number),
                          std::string{name_of(unit.state)},
                          fmt::format("{}", fmt::join(unit.macs, " ")),
                          unit.hostname,
                          unit.slot,
                          unit.medium,
                          std::to_string(last.number),
                          last.error_code,
                          unit.reason,
                          last.image_digest,
                          unit.reserved_at,
                          unit.ended_at};
  std::string row;
  for (const char* separator = ""; const std::string& field : fields)
    row += std::exchange(separator, ",") + csv_field(field);
  return row + "\r\n";
}

}  // namespace

Result<std::string> RecordLines::next() {
  std::string lines;
  const auto add = [&](const StoredRecord& record) -> Status {
    // Errc::cancelled only ends the loop: the rest comes with the next call.
    if (lines.size() >= piece_bytes) return fail(Errc::cancelled, "enough");
    lines += fmt::format("{{\"hash\":\"{}\",\"record\":{}}}\n", record.hash, record.body);
    last_ = record.seq;
    return {};
  };
  const Status done = snapshot_->reader.each_record(batch_, last_, add);
  if (!done && done.error().code != Errc::cancelled) return std::unexpected{done.error()};
  return lines;
}

Result<std::string> units_csv(RecordReader& reader, const UnitFilter& filter) {
  std::string text =
      "serial,batch,number,state,macs,hostname,slot,medium,attempts,error,reason,image_digest,reserved_at,ended_at\r\n";
  FL_TRY(const auto units, reader.units(filter));
  for (const UnitRow& unit : units) {
    FL_TRY(const auto attempts, reader.attempts(unit.serial));
    text += csv_row(unit, attempts.empty() ? AttemptRow{} : attempts.back());
  }
  return text;
}

}  // namespace flashline::line
