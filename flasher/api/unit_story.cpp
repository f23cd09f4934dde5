#include "flasher/api/unit_story.h"

#include <spdlog/fmt/fmt.h>
#include <spdlog/fmt/ranges.h>

#include "imaging/core/error.h"

namespace flashline::line {
namespace {

std::string identity_line(const UnitRow& unit) {
  std::string text = fmt::format("{} is unit {} of batch {}", unit.serial, unit.number, unit.batch);
  if (!unit.macs.empty()) text += fmt::format(", MAC {}", fmt::join(unit.macs, ", "));
  if (!unit.hostname.empty()) text += fmt::format(", host name {}", unit.hostname);
  return text + ".";
}

std::string checked(const AttemptRow& attempt) {
  if (attempt.read_back == "by-board") return "compared by the board";
  if (attempt.read_back == "none") return "write acknowledged, not read back";
  return fmt::format("{} bytes read back", attempt.bytes_verified);
}

std::string outcome(const AttemptRow& attempt) {
  switch (attempt.state) {
    case AttemptState::running:
      return fmt::format("is running ({})", attempt.phase);
    case AttemptState::passed:
      return fmt::format("passed: {} bytes written, {}", attempt.bytes_written, checked(attempt));
    case AttemptState::failed:
      return fmt::format("failed while {}", attempt.phase);
    case AttemptState::interrupted:
      return fmt::format("was interrupted while {}", attempt.phase);
  }
  return {};
}

std::string resumed(const AttemptRow& attempt) {
  if (attempt.bytes_resumed == 0) return {};
  return fmt::format("  Went on where an earlier attempt was cut off: {} bytes were found as they had been left.\n",
                     attempt.bytes_resumed);
}

std::string attempt_lines(const AttemptRow& attempt) {
  std::string text =
      fmt::format("{}: attempt {} in slot {} ({}{}) {}.\n", attempt.started_at, attempt.number, attempt.slot,
                  attempt.target, attempt.medium.empty() ? "" : ", medium " + attempt.medium, outcome(attempt));
  if (!attempt.error_code.empty()) {
    text += fmt::format("  {}: {}\n", attempt.error_code, attempt.error_text);
    if (Errc errc{}; find_errc(attempt.error_code, errc)) text += fmt::format("  What to do: {}.\n", advice_of(errc));
  }
  text += resumed(attempt);
  if (!attempt.retried_lbas.empty())
    text += fmt::format("  Written twice at LBA {}.\n", fmt::join(attempt.retried_lbas, ", "));
  if (!attempt.bad_lbas.empty())
    text += fmt::format("  Does not hold its data at LBA {}.\n", fmt::join(attempt.bad_lbas, ", "));
  if (!attempt.log.empty()) text += fmt::format("  Log: {}\n", attempt.log);
  return text;
}

std::string end_line(const UnitRow& unit) {
  switch (unit.state) {
    case UnitState::reserved:
      return "Its identity is reserved; no board carries it yet.\n";
    case UnitState::committed:
      return fmt::format("{}: the board carries this identity.\n", unit.ended_at);
    case UnitState::voided:
      return fmt::format("{}: voided: {}. No board will ever carry this identity.\n", unit.ended_at, unit.reason);
  }
  return {};
}

}  // namespace

std::string unit_story(const UnitRow& unit, const BatchRow& batch, const std::vector<AttemptRow>& attempts) {
  std::string text = identity_line(unit) + "\n";
  text += fmt::format("{}: reserved in slot {} for image {} ({}).\n", unit.reserved_at, unit.slot, batch.image,
                      batch.image_digest.empty() ? "no digest" : "digest " + batch.image_digest);
  for (const AttemptRow& attempt : attempts) text += attempt_lines(attempt);
  return text + end_line(unit);
}

}  // namespace flashline::line
