#include "flasher/batch/allocation.h"

#include <algorithm>
#include <spdlog/fmt/fmt.h>

#include "imaging/core/digest.h"
#include "imaging/core/errors/record.h"
#include "imaging/core/errors/unit.h"

namespace flashline::line {
namespace {

constexpr std::size_t longest_serial = 64;
/// Of one unit, interrupted ones among them.
constexpr std::size_t most_attempts = 10;

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
}

bool same_medium(const std::string& one, const std::string& other) { return !one.empty() && one == other; }

std::string other_board_reason(const UnitRow& kept, const AttemptRow& attempt) {
  if (attempt.medium.empty()) return "the board in the slot does not tell which one it is";
  return kept.medium.empty() ? "its first board did not tell which one it was" : "another board is in the slot";
}

/// An attempt whose end could not be recorded is ended now.
Status close_left_open(Store& store, const UnitRow& unit) {
  FL_TRY(const auto attempts, store.read().attempts(unit.serial));
  if (attempts.empty() || attempts.back().state != AttemptState::running) return {};
  AttemptRow ended = attempts.back();
  ended.state = AttemptState::interrupted;
  ended.error_code = code_of(errc::attempt_interrupted);
  ended.error_text = "its result could not be recorded";
  FL_CHECK(store.end_attempt(std::move(ended), std::nullopt));
  return {};
}

Result<std::optional<UnitAttempt>> go_on(Store& store, const UnitRow& kept, AttemptRow attempt) {
  attempt.serial = kept.serial;
  FL_TRY(const auto earlier, store.read().attempts(kept.serial));
  attempt.log = attempt_log_name(kept.serial, static_cast<std::int64_t>(earlier.size()) + 1);
  FL_TRY(auto begun, store.start_attempt(std::move(attempt)));
  return begun;
}

Status check_not_finished(Store& store, const UnitOrder& order) {
  if (!order.refuse_finished || order.attempt.medium.empty()) return {};
  FL_TRY(const auto unit, store.read().committed_on(order.batch, order.attempt.medium));
  if (!unit) return {};
  return fail(errc::board_finished, fmt::format("this board is {} already", unit->serial));
}

bool none_left(const BatchView& view) { return view.left && *view.left == 0; }

}  // namespace

std::string attempt_log_name(std::string_view serial, std::int64_t attempt) {
  std::string name;
  for (const char c : serial.substr(0, longest_serial)) name += is_plain(c) ? c : '_';
  if (!name.empty() && name.front() == '.') name.front() = '_';
  if (name != serial) name += "~" + to_hex(sha256(std::as_bytes(std::span{serial}))).substr(0, 8);
  return fmt::format("{}-attempt-{}.log", name, attempt);
}

Result<std::optional<UnitAttempt>> take_unit(Store& store, IdentitySource& source, const UnitOrder& order) {
  FL_CHECK(check_not_finished(store, order));
  FL_TRY(const auto kept, order.kept.empty() ? std::optional<UnitRow>{} : store.read().unit(order.kept));
  if (kept && kept->state == UnitState::reserved) {
    FL_CHECK(close_left_open(store, *kept));
    if (same_medium(kept->medium, order.attempt.medium)) return go_on(store, *kept, order.attempt);
    FL_CHECK(store.void_unit(kept->serial, other_board_reason(*kept, order.attempt)));
  }
  FL_TRY(const auto batch, store.read().batch(order.batch));
  if (!batch) return fail(errc::no_such_batch, fmt::format("batch {}", order.batch));
  FL_TRY(const auto view, view_batch(store.read(), *batch, source.size()));
  if (batch->state != BatchState::running || none_left(view)) return std::nullopt;
  FL_TRY(auto unit, source.next(store.read(), *batch));
  if (!unit) return std::nullopt;
  unit->batch = order.batch;
  unit->slot = order.attempt.slot;
  unit->medium = order.attempt.medium;
  AttemptRow attempt = order.attempt;
  attempt.log = attempt_log_name(unit->serial, 1);
  FL_TRY(auto begun, store.reserve(std::move(*unit), std::move(attempt)));
  return begun;
}

Result<std::optional<std::string>> void_reason(Store& store, const UnitRow& unit, const AttemptRow& ended,
                                               std::uint32_t attempts, bool batch_open) {
  const std::string failure =
      fmt::format("attempt {} {}: {} {}", ended.number, name_of(ended.state), ended.error_code, ended.error_text);
  if (unit.medium.empty()) return failure + "; the board does not tell which one it is";
  if (!batch_open) return failure + "; the batch was closed";
  FL_TRY(const auto earlier, store.read().attempts(unit.serial));
  // A board that goes and comes back is not at fault, but not for ever either.
  if (earlier.size() >= most_attempts) return fmt::format("{} attempts; {}", earlier.size(), failure);
  if (ended.state != AttemptState::failed) return std::nullopt;
  const auto failures = std::ranges::count(earlier, AttemptState::failed, &AttemptRow::state) + 1;
  if (failures < std::int64_t{attempts}) return std::nullopt;
  return fmt::format("{} of {} attempts failed; {}", failures, attempts, failure);
}

Result<BatchView> view_batch(RecordReader& records, const BatchRow& batch, std::optional<std::uint64_t> source_size) {
  BatchView view{.row = batch, .counts = {}, .left = {}, .yield = {}};
  FL_TRY(view.counts, records.counts(batch.id));
  const std::uint64_t ended = view.counts.passed + view.counts.voided;
  if (ended != 0) view.yield = static_cast<double>(view.counts.passed) / static_cast<double>(ended);
  const auto less = [](std::uint64_t all, std::uint64_t gone) { return all > gone ? all - gone : 0; };
  if (batch.quantity) view.left = less(*batch.quantity, view.counts.passed + view.counts.reserved);
  if (source_size) {
    const std::uint64_t listed = less(*source_size, ended + view.counts.reserved);
    view.left = std::min(view.left.value_or(listed), listed);
  }
  return view;
}

Result<BatchView> settle_batch(Store& store, std::int64_t batch, const IdentitySource* source) {
  FL_TRY(const auto row, store.read().batch(batch));
  if (!row) return fail(errc::no_such_batch, fmt::format("batch {}", batch));
  FL_TRY(auto view, view_batch(store.read(), *row, source == nullptr ? std::nullopt : source->size()));
  const bool open = row->state == BatchState::running || row->state == BatchState::paused;
  if (open && none_left(view) && view.counts.reserved == 0) {
    FL_TRY(view.row, store.change_batch(batch, BatchState::done, ""));
  }
  return view;
}

}  // namespace flashline::line
