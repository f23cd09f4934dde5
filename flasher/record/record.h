#pragma once
// One entry of the append-only log: what changed, as the whole row after the change, so that each table can be made
// again from the log alone and compared with what the database holds.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "flasher/record/rows.h"
#include "imaging/core/error.h"

namespace flashline::line {

enum class RecordKind : std::uint8_t {
  station_started,
  station_stopped,
  operator_action,
  batch_created,
  batch_paused,
  batch_resumed,
  batch_closed,
  batch_done,
  unit_reserved,
  unit_committed,
  unit_voided,
  attempt_started,
  attempt_ended,
};
std::string_view name_of(RecordKind kind);

using RecordRow = std::variant<StationNote, BatchRow, UnitRow, AttemptRow>;

struct Record {
  std::uint64_t seq = 0;  ///< from 1, without gaps
  std::string at;         ///< ISO 8601, UTC
  RecordKind kind = RecordKind::station_started;
  RecordRow row;
  bool operator==(const Record&) const = default;
};

/// Canonical JSON: keys sorted by bytes, no white space, integers only, UTF-8. Equal rows give equal text.
std::string to_json(const BatchRow& row);
std::string to_json(const UnitRow& row);
std::string to_json(const AttemptRow& row);
std::string to_json(const Record& record);

/// The reverse. Missing, further or wrongly typed members and any text that is not canonical are refused.
/// Errors: record_malformed.
Result<BatchRow> parse_batch(std::string_view json);
Result<UnitRow> parse_unit(std::string_view json);
Result<AttemptRow> parse_attempt(std::string_view json);
Result<Record> parse_record(std::string_view json);

/// Hash before the first record: 64 zeros.
std::string first_hash();
/// Lower-case hex of SHA-256(previous hash, as 32 bytes ‖ body). `previous` is 64 hex digits.
std::string chain_hash(std::string_view previous, std::string_view body);

/// What a record says about a row that was `before` (none: there was none). An empty text: the step is legal; else why
/// it is not. The store refuses such steps, and verification finds them.
std::string illegal_step(RecordKind kind, const std::optional<RecordRow>& before, const RecordRow& after);

}  // namespace flashline::line
