#include "flasher/record/record.h"

#include <cstddef>
#include <vector>

#include "imaging/core/digest.h"

namespace flashline::line {
namespace {

unsigned digit_value(char digit) { return static_cast<unsigned>(digit <= '9' ? digit - '0' : digit - 'a' + 10) & 0xFU; }

std::string illegal(const BatchRow* before, BatchRow after, RecordKind kind) {
  if (kind == RecordKind::batch_created) {
    if (before != nullptr) return "the batch exists already";
    return after.state == BatchState::running ? "" : "a new batch must be running";
  }
  if (before == nullptr) return "there is no such batch";
  const BatchState was = before->state;
  const bool open = was == BatchState::running || was == BatchState::paused;
  const bool legal = (kind == RecordKind::batch_paused && was == BatchState::running) ||
                     (kind == RecordKind::batch_resumed && was == BatchState::paused) ||
                     (kind == RecordKind::batch_closed && open) || (kind == RecordKind::batch_done && open);
  if (!legal) return std::string{name_of(kind)} + " does not follow " + std::string{name_of(was)};
  const BatchState due = kind == RecordKind::batch_paused    ? BatchState::paused
                         : kind == RecordKind::batch_resumed ? BatchState::running
                         : kind == RecordKind::batch_closed  ? BatchState::closed
                                                             : BatchState::done;
  if (after.state != due) return "the state does not fit the record";
  after.state = before->state;
  after.reason = before->reason;
  after.closed_at = before->closed_at;
  return after == *before ? "" : "more than the state changed";
}

std::string illegal(const UnitRow* before, UnitRow after, RecordKind kind) {
  if (after.serial.empty()) return "a unit without a serial";
  if (kind == RecordKind::unit_reserved) {
    if (before != nullptr) return "the serial was given out before";
    return after.state == UnitState::reserved ? "" : "a new unit must be reserved";
  }
  if (before == nullptr) return "the unit was never reserved";
  if (before->state != UnitState::reserved) return "the unit is " + std::string{name_of(before->state)} + " already";
  const UnitState due = kind == RecordKind::unit_committed ? UnitState::committed : UnitState::voided;
  if (after.state != due) return "the state does not fit the record";
  if (due == UnitState::voided && after.reason.empty()) return "voided without a reason";
  after.state = before->state;
  after.reason = before->reason;
  after.ended_at = before->ended_at;
  return after == *before ? "" : "more than the state changed";
}

std::string illegal(const AttemptRow* before, AttemptRow after, RecordKind kind) {
  if (kind == RecordKind::attempt_started) {
    if (before != nullptr) return "the attempt exists already";
    return after.state == AttemptState::running ? "" : "a new attempt must be running";
  }
  if (before == nullptr) return "the attempt was never started";
  if (before->state != AttemptState::running) return "the attempt has ended already";
  if (after.state == AttemptState::running) return "an ended attempt cannot be running";
  if (after.state != AttemptState::passed && after.error_code.empty()) return "no reason for the attempt's failure";
  const bool same = after.serial == before->serial && after.number == before->number && after.slot == before->slot &&
                    after.batch == before->batch && after.started_at == before->started_at &&
                    after.medium == before->medium &&
                    (before->image_digest.empty() || after.image_digest == before->image_digest);
  return same ? "" : "what was known at its start changed";
}

std::string illegal(const StationNote*, const StationNote&, RecordKind) { return ""; }

std::size_t row_index_of(RecordKind kind) {
  if (kind <= RecordKind::operator_action) return 0;
  if (kind <= RecordKind::batch_done) return 1;
  return kind <= RecordKind::unit_voided ? 2 : 3;
}

}  // namespace

std::string first_hash() { return std::string(64, '0'); }

std::string chain_hash(std::string_view previous, std::string_view body) {
  std::vector<std::byte> bytes;
  bytes.reserve(32 + body.size());
  for (std::size_t i = 0; i + 1 < previous.size(); i += 2) {
    bytes.push_back(static_cast<std::byte>(digit_value(previous[i]) << 4U | digit_value(previous[i + 1])));
  }
  for (const char c : body) bytes.push_back(static_cast<std::byte>(c));
  return to_hex(sha256(bytes));
}

std::string illegal_step(RecordKind kind, const std::optional<RecordRow>& before, const RecordRow& after) {
  if (after.index() != row_index_of(kind)) return "the row is not of the record's kind";
  if (before && before->index() != after.index()) return "the row before is of another kind";
  return std::visit(
      [&]<class Row>(const Row& row) { return illegal(before ? &std::get<Row>(*before) : nullptr, row, kind); }, after);
}

}  // namespace flashline::line
